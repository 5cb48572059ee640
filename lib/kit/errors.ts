/**
 * Every way a verb can fail, in one closed list. Each failure says what happened and where (message),
 * what to type next (hint), and whether trying again can help. Libraries throw a Failure; only the
 * command line maps it to an exit code. Anything else that is thrown is a bug and keeps its stack.
 */

/** The exit-code contract of every verb. */
export const exits = { done: 0, failed: 1, usage: 2, refused: 3, notFound: 4, pending: 7 } as const
export type Exit = (typeof exits)[keyof typeof exits]

/** Code → exit code. 2: what was typed is wrong. 3: refused, nothing changed. 4: no such thing. */
export const codes = {
  usage: exits.usage,
  'bad-id': exits.usage,
  'bad-spec': exits.usage,
  'bad-message': exits.usage,
  'bad-checkpoint': exits.usage,
  'bad-config': exits.usage,
  'bad-lesson': exits.usage,
  'bad-prompt': exits.usage,
  'spec-not-found': exits.notFound,
  'message-not-found': exits.notFound,
  'checkpoint-not-found': exits.notFound,
  'task-not-found': exits.notFound,
  'lesson-not-found': exits.notFound,
  'needs-unknown': exits.notFound,
  'nothing-logged': exits.notFound,
  'no-thread': exits.notFound,
  'not-a-worker': exits.refused,
  'not-for-workers': exits.refused,
  'not-a-repository': exits.refused,
  'bare-repository': exits.refused,
  'no-commits': exits.refused,
  'base-required': exits.refused,
  'base-not-found': exits.refused,
  'not-initialised': exits.refused,
  'id-taken': exits.refused,
  'no-option': exits.refused,
  'answered-already': exits.refused,
  'needs-cycle': exits.refused,
  'branch-taken': exits.refused,
  'illegal-transition': exits.refused,
  'checkout-in-the-way': exits.refused,
  'tasks-live': exits.refused,
  'stale-epoch': exits.refused,
  'state-read-only': exits.refused,
  'disk-full': exits.refused,
  'disk-failed': exits.failed,
  'corrupt-file': exits.refused,
  'unknown-version': exits.refused,
  'worker-not-found': exits.refused,
  'worker-not-logged-in': exits.refused,
  'flock-not-found': exits.refused,
  'lock-busy': exits.pending,
  'git-failed': exits.failed,
  'git-too-old': exits.refused,
  'program-failed': exits.failed,
  'program-killed': exits.failed,
  'timed-out': exits.pending,
  /** Whatever else was thrown: a mistake of ours. */
  bug: exits.failed,
} as const satisfies Record<string, Exit>

export type Code = keyof typeof codes

export interface FailureDetail {
  /** What to type or do next: one sentence, a command where there is one. */
  readonly hint: string
  /** True when the same call may work later with nothing changed by anyone. */
  readonly retryable?: boolean
  /** Commands that lead on, most useful first. */
  readonly next?: readonly string[]
  readonly cause?: unknown
}

/** An expected failure: it has a code from the list and is shown without a stack. */
export class Failure extends Error {
  readonly code: Code
  readonly exit: Exit
  readonly hint: string
  readonly retryable: boolean
  readonly next: readonly string[]

  constructor(code: Code, message: string, detail: FailureDetail) {
    super(message, { cause: detail.cause })
    this.name = 'Failure'
    this.code = code
    this.exit = codes[code]
    this.hint = detail.hint
    this.retryable = detail.retryable ?? false
    this.next = detail.next ?? []
  }
}

/** The errno of a system error, or undefined for anything else. */
export function errno(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code
  }
  return undefined
}

/** One line of any thrown value, for messages and logs. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
