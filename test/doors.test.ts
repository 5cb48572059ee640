/**
 * One door to each thing outside, and one place for each kind of knowledge (AGENTS.md). Literals are read
 * from the syntax tree, so comments do not count. Each rule was seen to fail by the change named beside it.
 */
import { expect, it } from 'vitest'
import { statePaths } from '../lib/state/paths.ts'
import {
  calleeOf,
  importsOf,
  type Node,
  nodesOf,
  type Source,
  sourcesOf,
  textsOf,
} from './support/sources.ts'

const sources = [...sourcesOf('lib'), ...sourcesOf('bin')]
const trees = new Map(sources.map((source) => [source, nodesOf(source)]))

/** `path: what` for every place outside `doors` where `look` finds something. */
function found(doors: readonly string[], look: (node: Node) => readonly string[]): string[] {
  return [...trees]
    .filter(([source]) => !doors.some((door) => source.path.startsWith(door)))
    .flatMap(([source, nodes]) => nodes.flatMap(look).map((what) => `${source.path}: ${what}`))
}

it('reads every source', () => {
  expect(trees.size).toBeGreaterThan(80)
  const literals = [...trees.values()].flat().flatMap(textsOf)
  expect(literals).toContain('git')
  expect(literals.join()).not.toContain('Why not a process library')
})

// Seen to fail: lib/kit/files.ts importing node:child_process; its value, not its type.
it('starts processes only in kit/proc and kit/detach', () => {
  const wrong = sources
    .filter((source) => !['lib/kit/proc.ts', 'lib/kit/detach.ts'].includes(source.path))
    .filter((source) => importsOf(source).some((name) => /child_process|worker_threads|cluster/.test(name)))
    .filter((source) => importsValue(source, 'node:child_process'))
    .map((source) => source.path)
  expect(wrong).toEqual([])
})

// Seen to fail: lib/flows/init.ts running git --version by itself, as it did at first.
it('says git, as a program, only in tools/git', () => {
  // paths.ts: the directory of that name inside the state directory.
  const wrong = found(['lib/tools/git/', 'lib/state/paths.ts'], (node) =>
    textsOf(node).filter((text) => text === 'git'),
  )
  expect(wrong).toEqual([])
})

// Seen to fail: lib/flows/runner/attempt.ts adding '--dangerously-bypass-approvals-and-sandbox' to the worker's arguments.
it('says codex, as a program, and its options only in tools/codex', () => {
  const options = new Set(
    [...trees]
      .filter(([source]) => source.path === 'lib/tools/codex/argv.ts')
      .flatMap(([, nodes]) => nodes.flatMap(textsOf))
      .filter((text) => /^--[a-z][a-z-]+$/.test(text) && !ours.includes(text)),
  )
  expect(options.size).toBeGreaterThan(2)
  const wrong = found(['lib/tools/codex/'], (node) => {
    const started = ['run', 'start', 'startDetached', 'spawn'].includes(calleeOf(node))
      ? textsOf(node.arguments[0] ?? {})
      : []
    return [
      ...started.filter((text) => /^codex\b/.test(text)),
      ...textsOf(node).filter((text) => options.has(text)),
    ]
  })
  expect(wrong).toEqual([])
})

// Seen to fail: lib/flows/runner/attempt.ts adding '--dangerously-skip-permissions' to the worker's arguments.
it('says claude, as a program, and its options only in tools/claude', () => {
  const options = new Set(
    [...trees]
      .filter(([source]) => source.path === 'lib/tools/claude/argv.ts')
      .flatMap(([, nodes]) => nodes.flatMap(textsOf))
      .filter((text) => /^--[a-z][a-z-]+$/.test(text)),
  )
  expect(options.size).toBeGreaterThan(5)
  const wrong = found(['lib/tools/claude/'], (node) =>
    textsOf(node).filter((text) => options.has(text) || /^(?:CLAUDE|ANTHROPIC)_\w/.test(text)),
  )
  expect(wrong.filter((text) => !text.endsWith(': ANTHROPIC_*'))).toEqual([])
})

// Seen to fail: lib/flows/worker.ts importing ../tools/codex/codex.ts.
it('knows the kinds of workers only by what they have in common', () => {
  const kinds = /\/tools\/(?:codex|command)\//
  const wrong = sources
    .filter(({ path }) => !/^lib\/tools\/(?:codex|claude|command)\//.test(path))
    .filter(({ path }) => path !== 'lib/tools/workers/kinds.ts')
    .filter((source) =>
      importsOf(source).some((name) => kinds.test(name) || /\/claude\/claude\.ts$/.test(name)),
    )
    .map(({ path }) => path)
  expect(wrong).toEqual([])
})

/** Options that codex and our verbs have in common. */
const ours = ['--json']

/**
 * A name inside the state directory is one that lib/state/paths.ts makes. Names with a dot in them are ours
 * alone: no literal that is a path (it has no white space) may hold one. Plain words (`tasks`, `log`) are
 * also words of the language: they may not be an argument of `join`. Prose, the templates that `init`
 * writes, and git's own directories in tools/git are not meant.
 *
 * Seen to fail: '.orchestrator-state/**' in lib/rules/reach.ts, as it was at first; 'inbox' joined to a
 * directory in lib/flows/runner/run.ts.
 */
it('spells names inside the state directory only in state/paths', () => {
  const { dotted, plain } = namesOfPaths()
  expect(dotted).toContain('status.json')
  expect(dotted).toContain('.orchestrator-state')
  expect(plain).toContain('worktrees')
  const segments = (node: Node) =>
    textsOf(node)
      .filter((text) => !/\s/.test(text))
      .flatMap((text) => text.split('/'))
  const doors = ['lib/state/paths.ts', 'lib/state/templates.ts']
  const wrongFiles = found(doors, (node) => segments(node).filter((name) => dotted.has(name)))
  const wrongWords = found([...doors, 'lib/tools/'], (node) =>
    calleeOf(node) === 'join'
      ? node.arguments
          .slice(1)
          .flatMap(fixedTexts)
          .filter((name: string) => plain.has(name))
      : [],
  )
  expect([...wrongFiles, ...wrongWords]).toEqual([])
})

// Seen to fail: 'landing-checks' in lib/flows/runner/checks.ts and `fetched-…` in lib/flows/runner/workplace.ts, as at first.
it('joins nothing to a directory of the state but in state/paths', () => {
  const wrong = found(['lib/state/paths.ts'], (node) => {
    if (calleeOf(node) !== 'join') return []
    const [first, ...rest] = node.arguments
    return isStatePath(first) ? rest.flatMap(fixedTexts) : []
  })
  expect(wrong).toEqual([])
})

// Seen to fail: an empty catch in lib/kit/sweep.ts; and .catch(() => {}) there.
it('never catches an error to do nothing', () => {
  const empty = (node: Node | undefined) => node?.type === 'BlockStatement' && node.body.length === 0
  const wrong = found([], (node) => {
    if (node.type === 'CatchClause' && empty(node.body)) return ['an empty catch']
    if (
      node.type === 'CallExpression' &&
      node.callee.property?.name === 'catch' &&
      empty(node.arguments[0]?.body)
    )
      return ['an empty .catch()']
    return []
  })
  expect(wrong).toEqual([])
})

// Seen to fail: process.exit(1) in lib/flows/runner/run.ts; console.log in lib/view/list.ts.
it('neither exits nor prints by itself: kit/cli does both', () => {
  const wrong = found([], (node) =>
    [calleeOf(node)].filter(
      (name) => name === 'process.exit' || name === 'process.abort' || name.startsWith('console.'),
    ),
  )
  expect(wrong).toEqual([])
})

// Seen to fail: an enum in lib/kit/errors.ts; a parameter property in its class.
it('is TypeScript that Node could strip: no enum, no namespace, no parameter property', () => {
  const forms = [
    /^\s*(?:export )?(?:const )?enum /m,
    /^\s*(?:export )?namespace /m,
    /constructor\([^)]*\b(?:private|public|protected|readonly) /,
  ]
  const wrong = sources.filter(({ text }) => forms.some((form) => form.test(text))).map(({ path }) => path)
  expect(wrong).toEqual([])
})

function importsValue(source: Source, module: string): boolean {
  return (trees.get(source) ?? []).some(
    (node) => node.type === 'ImportDeclaration' && node.source.value === module,
  )
}

/** Every name below the state directory that lib/state/paths.ts makes. */
function namesOfPaths(): { dotted: Set<string>; plain: Set<string> } {
  const repo = '/r'
  const paths = statePaths(repo)
  const task = paths.task('i')
  const attempt = task.attempt(1)
  const made = [paths, task, attempt].flatMap((group) =>
    Object.values(group).filter((value): value is string => typeof value === 'string'),
  )
  const names = new Set(made.flatMap((path) => path.slice(repo.length + 1).split('/')))
  for (const name of ['i', '']) names.delete(name)
  const all = [...names].filter((name) => !/^attempt-\d+$/.test(name))
  return {
    dotted: new Set(all.filter((name) => name.includes('.') && !shared.includes(name))),
    plain: new Set(all.filter((name) => !name.includes('.'))),
  }
}

/** Names that are not ours alone. */
const shared = ['README.md', '.gitignore', 'config.json']

/** The fixed parts of an argument: 'a', `a${b}`. */
function fixedTexts(argument: Node): string[] {
  return argument.type === 'TemplateLiteral'
    ? argument.quasis.flatMap(textsOf).filter(Boolean)
    : textsOf(argument)
}

/** `context.paths.locks`, `task.paths.directory`, `paths.log`. */
function isStatePath(node: Node | undefined): boolean {
  return (
    node?.type === 'MemberExpression' &&
    (node.object.name === 'paths' || node.object.property?.name === 'paths')
  )
}
