/** What `init` answers. Pure. */
import type { Answer } from '../kit/cli.ts'
import { clean, cut, plural } from '../kit/text.ts'
import { quoted } from '../rules/shell.ts'

interface Done {
  readonly root: string
  readonly made: readonly string[]
  readonly locks: { readonly family: string; readonly why: string | null }
  readonly skill: {
    readonly path: string
    readonly how: 'linked' | 'copied' | 'left'
    readonly written: readonly string[]
    readonly kept: readonly { readonly name: string; readonly difference: string }[]
    readonly problem: string | null
  }
  readonly permissions: {
    readonly path: string
    readonly rules: readonly string[]
    readonly absent: readonly string[]
    readonly against: readonly string[]
    readonly problem: string | null
  }
  readonly sharing: {
    readonly elsewhere: string | null
    readonly uncommitted: readonly string[]
    readonly ignored: readonly string[]
  }
}

export function initAnswer(done: Done): Answer {
  const { root, made, skill, permissions, sharing } = done
  const news = [
    ...made.map((path) => `  ${path}`),
    ...(skill.written.length > 0 ? [`  ${skill.path} (the skill, ${skill.how})`] : []),
    ...(permissions.rules.length > 0
      ? [
          `  ${permissions.path} (${plural(permissions.rules.length, 'rule')}: what Claude Code may do without asking)`,
        ]
      : []),
  ]
  return {
    data: done,
    text: [
      ...(news.length > 0 ? [`${root} is ready; made:`, ...news] : [`${root} is up to date`]),
      ...notesOf(done),
    ],
    next: [
      ...(sharing.uncommitted.length > 0 ? [commit(sharing.elsewhere, sharing.uncommitted)] : []),
      'dirigent spawn --spec FILE',
    ],
  }
}

function notesOf({ skill, permissions, locks, sharing }: Done): string[] {
  return [
    ...(skill.problem ? [`note: ${skill.path} was left alone: ${skill.problem}`] : []),
    ...skill.kept.flatMap(({ name, difference }) => keptLines(`${skill.path}/${name}`, difference)),
    // Both stand in the way in the same manner, and one line says so.
    ...(permissions.problem && permissions.problem !== skill.problem
      ? [`note: ${permissions.path} was left alone: ${permissions.problem}. The rules: dirigent init --json`]
      : []),
    ...(permissions.against.length > 0
      ? [
          `note: settings of Claude Code forbid here, or ask about, ${cut(clean(permissions.against.join(', ')), 160)}`,
        ]
      : []),
    ...(permissions.absent.length > 0
      ? [
          `note: taken out of ${permissions.path} by somebody, and not put back: ${cut(permissions.absent.join(', '), 160)}`,
        ]
      : []),
    ...(sharing.ignored.length > 0
      ? [
          `note: git ignores ${sharing.ignored.join(' and ')} here: who clones the repository runs dirigent init`,
        ]
      : []),
    ...(locks.why
      ? [`note: locks are those of ${locks.family}, because ${locks.why}: see dirigent doctor`]
      : []),
  ]
}

function keptLines(path: string, difference: string): string[] {
  if (difference === '') return [`note: ${path} is no file that could be brought up to date; it stays`]
  return [
    `note: ${path} was edited and stays; ours has changed since. To have ours: rm ${quoted(path)} && dirigent init`,
    '  that would change (- yours, + ours):',
    ...linesOf(difference),
  ]
}

const commit = (elsewhere: string | null, paths: readonly string[]): string =>
  `git ${at(elsewhere)}add ${paths.join(' ')} && git ${at(elsewhere)}commit --message "Set Dirigent up"`

const at = (elsewhere: string | null): string => (elsewhere === null ? '' : `-C ${quoted(elsewhere)} `)

const mostLines = 20

function linesOf(difference: string): string[] {
  const lines = clean(difference).trimEnd().split('\n')
  const left = lines.length - mostLines
  return [
    ...lines.slice(0, mostLines).map((line) => `  ${cut(line, 160)}`),
    ...(left > 0 ? [`  … +${left} lines: dirigent init --json`] : []),
  ]
}

export function uninstallAnswer(done: {
  readonly removed: readonly string[]
  readonly kept: ReadonlyMap<string, string>
  readonly sharing: { readonly elsewhere: string | null; readonly uncommitted: readonly string[] }
}): Answer {
  const { elsewhere, uncommitted } = done.sharing
  const kept = [...done.kept]
  return {
    data: { removed: done.removed, kept: Object.fromEntries(kept) },
    // Each path, whatever their number: what is gone cannot be asked for.
    unbounded: true,
    text: [
      ...(done.removed.length > 0
        ? ['removed:', ...done.removed.map((path) => `  ${path}`)]
        : ['nothing was removed']),
      ...(kept.length > 0 ? ['still there:', ...kept.map(([path, why]) => `  ${path}: ${why}`)] : []),
    ],
    next:
      uncommitted.length > 0
        ? [`git ${at(elsewhere)}commit --message "Take Dirigent out" -- ${uncommitted.join(' ')}`]
        : [],
  }
}
