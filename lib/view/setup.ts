/** What `init` answers. Pure. */
import type { Answer } from '../kit/cli.ts'
import { clean, cut, plural } from '../kit/text.ts'
import type { RulesChanged } from '../tools/claude/project.ts'

export function initAnswer(done: {
  readonly root: string
  readonly made: readonly string[]
  readonly locks: { readonly family: string; readonly why: string | null }
  readonly skill: {
    readonly path: string
    readonly how: 'linked' | 'copied'
    readonly written: readonly string[]
    readonly kept: readonly { readonly name: string; readonly difference: string }[]
  }
  readonly permissions: RulesChanged
}): Answer {
  const { root, made, locks, skill, permissions } = done
  const news = [
    ...made.map((path) => `  ${path}`),
    ...(skill.written.length > 0 ? [`  ${skill.path} (the skill, ${skill.how})`] : []),
    ...(permissions.rules.length > 0
      ? [
          `  ${permissions.path} (${plural(permissions.rules.length, 'rule')}: what Claude Code may do without asking)`,
        ]
      : []),
  ]
  const notes = [
    ...skill.kept.flatMap(({ name, difference }) => [
      `note: ${skill.path}/${name} was edited and stays; ours has changed since. To have ours:`,
      ...linesOf(difference),
    ]),
    ...(permissions.problem ? [`note: ${permissions.path} was left alone: ${permissions.problem}`] : []),
    ...(locks.why
      ? [`note: locks are those of ${locks.family}, because ${locks.why}: see dirigent doctor`]
      : []),
  ]
  const commit = 'git add .orchestrator-state .claude && git commit --message "Set Dirigent up"'
  return {
    data: done,
    text: [...(news.length > 0 ? [`${root} is ready; made:`, ...news] : [`${root} is up to date`]), ...notes],
    next: [...(news.length > 0 ? [commit] : []), 'dirigent spawn --spec FILE'],
  }
}

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
}): Answer {
  const kept = [...done.kept]
  return {
    data: { removed: done.removed, kept: Object.fromEntries(kept) },
    text: [
      ...(done.removed.length > 0
        ? ['removed:', ...done.removed.map((path) => `  ${path}`)]
        : ['nothing was removed']),
      ...(kept.length > 0 ? ['still there:', ...kept.map(([path, why]) => `  ${path}: ${why}`)] : []),
    ],
  }
}
