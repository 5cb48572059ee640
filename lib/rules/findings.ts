/**
 * Everything that `doctor` can find, in one closed list, worst first. What each means and what to do:
 * `skill/reference/doctor.md`. Pure.
 *
 * `error`: a promise is broken, or work cannot go on. `warning`: it goes on, and somebody should look.
 * `note`: nothing is wrong but that it lies about.
 */

export type Severity = 'error' | 'warning' | 'note'

export const findingCodes = {
  // The surroundings, without which nothing runs.
  'not-initialised': 'error',
  'config-unreadable': 'error',
  'prompt-unusable': 'error',
  'state-not-writable': 'error',
  'disk-low': 'error',
  'git-unusable': 'error',
  'node-too-old': 'error',
  'worker-unusable': 'error',
  'worker-not-logged-in': 'error',
  'base-missing': 'error',
  'cannot-commit': 'error',
  'lock-family-mismatch': 'error',
  // Records.
  'task-unreadable': 'error',
  'record-unreadable': 'error',
  'id-twice': 'error',
  'archived-not-ended': 'error',
  'epoch-ahead': 'error',
  'foreign-file': 'error',
  // Who lives.
  'two-workers': 'error',
  'lost-attempt': 'error',
  'orphan-process': 'error',
  'lock-leaked': 'error',
  // Work.
  'landed-unreachable': 'error',
  'result-commit-missing': 'error',
  'worktree-missing': 'error',
  'git-lock-stale': 'error',
  // A check of our own that broke: what it would have found is not known.
  'check-broke': 'error',

  'supervisor-stopped': 'warning',
  'locks-weaker': 'warning',
  'hooks-untrusted': 'warning',
  'git-config-refused': 'warning',
  'state-tracked': 'warning',
  'ignore-damaged': 'warning',
  'agents-too-big': 'warning',
  'lesson-unreadable': 'warning',
  'prompt-unknown': 'warning',
  'skill-differs': 'warning',
  'attempt-ahead': 'warning',
  'trail-behind': 'warning',
  'trail-damaged': 'warning',
  'ended-not-archived': 'warning',
  'worktree-without-task': 'warning',
  'git-entry-dangling': 'warning',
  'branch-without-task': 'warning',
  'ports-twice': 'warning',
  'kept-ref-gone': 'warning',

  'half-made-task': 'note',
  'temporary-file': 'note',
  'set-aside': 'note',
  'stale-ticket': 'note',
  'stray-file': 'note',
} as const satisfies Record<string, Severity>

export type FindingCode = keyof typeof findingCodes

export interface Finding {
  readonly code: FindingCode
  /** What is wrong and where: one sentence. */
  readonly what: string
  /** What it is about, where the sentence can change between two looks. */
  readonly about?: string
  /** What to type, or what `--fix` does. */
  readonly fix: string
  /** Puts it right, losing nothing; absent where that is a person's to decide. */
  readonly mend?: () => Promise<unknown> | unknown
  /** A command that leads on. */
  readonly next?: string
}

export const severityOf = (finding: Finding): Severity => findingCodes[finding.code]

const order = Object.keys(findingCodes)

/** Worst first: in the order of the list, then as they were found. */
export const worstFirst = <T extends { readonly code: FindingCode }>(findings: readonly T[]): T[] =>
  [...findings].sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code))
