/** Every verb, called in every way that matters for what it reads. */
import { writeFileSync } from 'node:fs'
import { optionsOf } from '../../../lib/kit/arguments.ts'
import { type VerbName, verbs } from '../../../lib/view/verbs.ts'
import { spoiltText, spoiltYaml } from './damage.ts'
import { goodSpec } from './good.ts'

type Words = readonly string[]

/** The verbs that look at all tasks. */
export const looks: readonly Words[] = [
  ['status'],
  ['status', '--json'],
  ['status', '--all', '--json'],
  ['wait', '--timeout', '1s', '--json'],
  ['lesson', 'list', '--all', '--json'],
  ['doctor'],
  ['doctor', '--strict', '--json'],
]
/** What does not name a task and changes something. */
export const works: readonly Words[] = [
  ['init'],
  ['build', '--timeout', '5s', '--json', '--', 'true'],
  ['supervise', '--once', '--json'],
  ['lesson', 'add', 'A rule.', '--id', 'a-rule', '--json'],
]

/** Reading one task. @param rests nothing of it goes on, so that following it comes to an end */
export const reads = (id: string, rests: boolean): readonly Words[] => [
  ['status', id],
  ['status', id, '--json'],
  ['log', id, '--json'],
  ['log', id, '--raw'],
  ['diff', id],
  ['wait', id, '--timeout', '1s', '--json'],
  ['ask-worker', id, 'What is left?', '--timeout', '5s', '--json'],
  ...(rests ? [['log', id, '--follow'] as Words] : []),
]

/** Changing one task; the last puts it away. */
export const writes = (id: string, spec: string): readonly Words[] => [
  ['send', id, 'a message', '--json'],
  ['reject', id, 'why not'],
  ['accept', id],
  ['land', id],
  ['spawn', id, '--spec', spec, '--json'],
  ['respawn', id, '--json'],
  ['respawn', id, '--spec', spec, '--fresh'],
  ['stop', id, '--json'],
  ['stop', id, '--cancel'],
]

/** What the worker of a task types, each with what is on stdin. */
export const asWorker: readonly (readonly [Words, string])[] = [
  [['inbox', '--json'], ''],
  [['tell', 'Half of it is done.', '--waiting', '5m', '--json'], ''],
  [['ask', 'Red or blue?', '--option', 'red', '--option', 'blue', '--json'], ''],
  [['checkpoint', '--json'], '## Done\n\nOne.\n\n## Now\n\nTwo.\n\n## Next\n\nThree.\n\n## Notes\n'],
]

/** Verbs that nothing has called: a new one must be added above. */
export const uncalled = (called: ReadonlySet<string>): string[] =>
  Object.keys(verbs).filter((verb) => !called.has(verb))

export interface LineCase {
  readonly how: string
  /** FILE in them stands for a file; it is given on stdin where the words name `-` instead. */
  readonly calls: readonly Words[]
  /** Makes the file. */
  readonly put: (path: string) => void | Promise<void>
}

const badIds: readonly string[] = [
  ...[
    '..',
    '../x',
    '/etc/passwd',
    'a/b',
    'A',
    'é',
    '🦄',
    ' ',
    '.',
    '~',
    '*',
    'a b',
    'a\nb',
    '%2e%2e',
    'a;b',
    '$(x)',
  ],
  ...[
    '__proto__',
    'constructor',
    'tostring',
    '-',
    '--',
    '-x',
    '--help=x',
    'x'.repeat(5000),
    '\u001b[31m',
    '',
  ],
]
const badValues: readonly string[] = [
  ...[
    '',
    ' ',
    '-1',
    '0',
    'NaN',
    'Infinity',
    '1e999',
    '9'.repeat(400),
    '∞',
    '0x10',
    '1h1h',
    '\n',
    '../../etc/passwd',
  ],
  ...['--json', '[object Object]', '__proto__', '\u001b[31m', '/dev/zero', '/proc/self/mem', '/'],
]

/** What can be typed wrong: ids, option values, and specs by file and by stdin. */
export function lineCases(): LineCase[] {
  const ids = badIds.map((id) => ({
    how: `the id ${JSON.stringify(id.slice(0, 20))}`,
    calls: [...reads(id, true), ...writes(id, 'FILE')],
    put: putGood,
  }))
  const values = (Object.keys(verbs) as VerbName[]).flatMap((verb) =>
    Object.entries(optionsOf(verbs[verb]))
      .filter(([, option]) => option.type === 'string')
      .map(([name]) => ({
        how: `--${name} of ${verb}`,
        calls: badValues.map((value) => withOption(verb, name, value)),
        put: putGood,
      })),
  )
  const front = (yaml: string) => `---\n${yaml}\n---\nDo it.\n`
  const specs = [...spoiltText(goodSpec), ...spoiltYaml(front)].map(({ how, put }) => ({
    how: `a spec file: ${how}`,
    calls: [
      ['spawn', '--spec', 'FILE', '--json'],
      ['respawn', 'healthy', '--spec', 'FILE'],
      ['spawn', '--spec', '-'],
    ],
    put,
  }))
  return [...ids, ...values, ...specs]
}

/** What a verb takes that is no task. */
const beside: Partial<Record<VerbName, Words>> = { build: [], lesson: ['add', 'A rule.'] }

/** Beside the value that is tried, what makes the call a short one. */
function withOption(verb: VerbName, name: string, value: string): Words {
  const words = beside[verb] ?? (verbs[verb].min > 0 ? ['healthy'] : [])
  const patience = verb === 'wait' && name !== 'timeout' ? ['--timeout', '1s'] : []
  return [verb, ...words, ...patience, `--${name}=${value}`, ...(verb === 'build' ? ['--', 'true'] : [])]
}

const putGood = (path: string) => writeFileSync(path, goodSpec)
