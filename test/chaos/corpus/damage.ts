/** Everything that can stand where a file of ours should be: spoilt text, and what is no file at all. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type * as z from 'zod/mini'
import { wrongRecords } from './samples.ts'

export interface Damage {
  /** In words. */
  readonly how: string
  /** Damages of one sort are much alike; a selection takes from every sort. */
  readonly sort: 'kind' | 'text' | 'form' | 'field' | 'odd'
  /** Puts it in place of what is at the path. */
  readonly put: (path: string) => void | Promise<void>
}

const bytes = (sort: Damage['sort'], how: string, content: string | Buffer): Damage => ({
  how,
  sort,
  put(path) {
    rmSync(path, { recursive: true, force: true })
    writeFileSync(path, content)
  },
})

/** What is no regular file that can be read. @param unreadable also one that this user may not read */
export function otherKinds(unreadable: boolean): Damage[] {
  const kind = (how: string, put: (path: string) => void | Promise<void>): Damage => ({
    how,
    sort: 'kind',
    async put(path) {
      rmSync(path, { recursive: true, force: true })
      await put(path)
    },
  })
  return [
    kind('missing', () => undefined),
    kind('a directory', (path) => {
      mkdirSync(path)
      writeFileSync(join(path, 'inside'), 'x')
    }),
    kind('a dangling link', (path) => symlinkSync('/nowhere/at/all', path)),
    kind('a link to itself', (path) => symlinkSync(path, path)),
    kind('a link to a directory', (path) => symlinkSync('/etc', path)),
    kind('a link to /etc/passwd', (path) => symlinkSync('/etc/passwd', path)),
    kind('a link to /dev/zero', (path) => symlinkSync('/dev/zero', path)),
    kind('a FIFO', async (path) => {
      await execa('mkfifo', [path])
    }),
    kind('a socket', socket),
    kind('sparse and huge', (path) => {
      writeFileSync(path, '')
      truncateSync(path, 5 * 2 ** 30)
    }),
    kind('a hard link to another file', (path) => {
      writeFileSync(`${path}.other`, 'the other file\n')
      linkSync(`${path}.other`, path)
    }),
    ...(unreadable
      ? [
          kind('of mode 000', (path) => {
            writeFileSync(path, 'secret\n')
            chmodSync(path, 0)
          }),
        ]
      : []),
  ]
}

/** Made elsewhere and moved in: the name of a socket may have a hundred characters only. */
function socket(path: string): Promise<void> {
  const short = join(tmpdir(), `s-${process.pid}-${Math.random().toString(36).slice(2)}`)
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(short, () => {
      renameSync(short, path)
      server.close(() => resolve())
    })
  })
}

/** Harm to any text. */
export function spoiltText(good: string): Damage[] {
  const size = Buffer.byteLength(good)
  const at = (place: number) => Buffer.from(good).subarray(0, place)
  // At every kind of place: after the first byte, in a word, after punctuation, before the last bytes.
  const cuts = [
    0,
    1,
    Math.floor(size / 4),
    Math.floor(size / 2),
    good.indexOf(':') + 1,
    good.indexOf('"') + 2,
  ]
  const ends = [size - 2, size - 1]
  const middle = Math.floor(good.length / 2)
  const inserted = (what: string | Buffer) =>
    Buffer.concat([
      Buffer.from(good.slice(0, middle)),
      Buffer.from(what as string),
      Buffer.from(good.slice(middle)),
    ])
  const text = (how: string, content: string | Buffer) => bytes('text', how, content)
  return [
    ...[...cuts, ...ends].map((place) => text(`cut after ${place} of ${size} bytes`, at(Math.max(0, place)))),
    text('empty', ''),
    text('white', ' \n\t\n\r\n'),
    text('with a NUL byte', inserted('\0')),
    text('all NUL bytes', Buffer.alloc(4096)),
    text('begun with a byte order mark', `\uFEFF${good}`),
    text('in UTF-16', Buffer.from(`\uFEFF${good}`, 'utf16le')),
    text('with CRLF lines', good.replaceAll('\n', '\r\n')),
    text('with CR lines', good.replaceAll('\n', '\r')),
    text('with invalid UTF-8', inserted(Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80]))),
    text('cut in the middle of a character', Buffer.concat([at(middle), Buffer.from([0xe2, 0x82])])),
    text('with terminal escapes', inserted('\u001b]0;title\u0007\u001b[2J\u202e')),
    text('followed by rubbish', `${good}\n}}}]] -- \u0000`),
    text('twice in a row', good + good),
    text('one line of 3 MB', 'x'.repeat(3_000_000)),
    text('a million lines', 'x\n'.repeat(1_000_000)),
    text('random bytes', Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 2654435761) % 256))),
    text('a program', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])),
  ]
}

/** Harm to JSON, and to single fields of the record. */
export function spoiltJson(good: Readonly<Record<string, unknown>>, schema: z.ZodMiniType): Damage[] {
  const json = JSON.stringify(good)
  const form = (how: string, content: string) => bytes('form', how, content)
  const inside = (text: string) => `{${text},${json.slice(1)}`
  return [
    ...['null', 'true', '[]', '{}', '"x"', '0', '1e999', 'NaN', 'undefined', '{"version":1}'].map((text) =>
      form(text, text),
    ),
    ...['0', '2', '-1', '1.5', '"1"', 'null', '1e300', '[1]', '{}'].map((version) =>
      form(`version ${version}`, JSON.stringify({ ...good, version: '?' }).replace('"?"', version)),
    ),
    form('nested 100,000 deep', '['.repeat(100_000)),
    form('objects 50,000 deep', '{"a":'.repeat(50_000)),
    form('a field nested 3,000 deep', inside(`"deep":${'['.repeat(3000)}${']'.repeat(3000)}`)),
    form('with an own __proto__', inside('"__proto__":{"version":1}')),
    form('with an own constructor', inside('"constructor":{"prototype":{}}')),
    form('with a field twice', inside('"version":2')),
    form('with a comma too many', `${json.slice(0, -1)},}`),
    form('with a comment', `// a comment\n${json}`),
    form('in single quotes', json.replaceAll('"', "'")),
    form(
      'with 100,000 unknown fields',
      inside(Array.from({ length: 100_000 }, (_, n) => `"f${n}":0`).join()),
    ),
    ...wrongRecords(schema, good).map(({ how, value }) =>
      bytes('field', how, JSON.stringify(value, null, 2)),
    ),
  ]
}

/** Records that the schema accepts and that make no sense. */
export function oddRecords(good: Readonly<Record<string, unknown>>, patches: readonly object[]): Damage[] {
  return patches.map((patch) =>
    bytes('odd', JSON.stringify(patch).slice(0, 100), JSON.stringify({ ...good, ...patch }, null, 2)),
  )
}

/** Harm to YAML; `wrap` puts it where YAML stands in the file. */
export function spoiltYaml(wrap: (yaml: string) => string): Damage[] {
  const wide = (name: string) => Array.from({ length: 9 }, () => `*${name}`).join(',')
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${wide('a')}]\nc: &c [${wide('b')}]\nd: &d [${wide('c')}]\ne: [${wide('d')}]`
  const all: readonly (readonly [string, string])[] = [
    ['an alias bomb', bomb],
    ['an alias of itself', 'verify: &a [*a]'],
    ['an alias of nothing', 'title: *nobody'],
    ['a field twice', 'title: A\ntitle: B'],
    ['a tag of a function', 'title: !!js/function "function () { return 1 }"'],
    ['a binary tag', 'title: !!binary aGVsbG8='],
    ['an unknown tag', 'title: !mine x'],
    ['a set', 'verify: !!set {a, b}'],
    ['a time stamp', 'title: !!timestamp 2026-01-01'],
    ['two documents', 'title: A\n--- \ntitle: B'],
    ['an unknown directive', '%YAML 9.9\n--- \ntitle: A'],
    ['a merge key', 'base: &b {title: A}\n<<: *b'],
    ['tabs', 'budget:\n\tminutes: 3'],
    ['flow nested 20,000 deep', `title: ${'['.repeat(20_000)}`],
    ['closed flow nested 2,000 deep', `verify: ${'['.repeat(2000)}${']'.repeat(2000)}`],
    ['blocks nested 500 deep', Array.from({ length: 500 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
    ['a list for a key', '? [a, b]\n: c'],
    ['null for a key', '? \n: c'],
    ['an object for a key', '? {a: b}\n: c'],
    ['__proto__', '__proto__: {polluted: true}'],
    ['constructor', 'constructor: x'],
    ['infinity', 'attempts: .inf'],
    ['a number beyond all', 'attempts: 99999999999999999999'],
    ['a list', '- a\n- b'],
    ['a word', 'title'],
    ['an open quote', 'title: "A'],
    ['an open list', 'verify: [npm test'],
    ['50,000 fields', Array.from({ length: 20_000 }, (_, n) => `f${n}: 0`).join('\n')],
    ['a field of 200 kB', `title: ${'x'.repeat(200_000)}`],
    ['a comment only', '# nothing'],
    ['nothing', ''],
  ]
  return all.map(([how, yaml]) => bytes('form', how, wrap(yaml)))
}

/** Harm to a file of JSON lines. */
export function spoiltLines(good: string, schema?: z.ZodMiniType): Damage[] {
  const form = (how: string, content: string) => bytes('form', how, content)
  const first = JSON.parse(good.split('\n')[0] ?? '{}')
  return [
    form('torn lines between good ones', `${good}{"at":"20\n\n[]\nnull\n${good}{"at`),
    form('a line nested 50,000 deep', `${'['.repeat(50_000)}\n${good}`),
    form('a line of 3 MB', `${JSON.stringify({ ...first, text: 'x'.repeat(3_000_000) })}\n${good}`),
    form('200,000 lines', good.repeat(Math.ceil(200_000 / good.split('\n').length))),
    form('escapes in its text', `${JSON.stringify({ ...first, text: '\u001b[31m\u0007\u202e' })}\n`),
    ...(schema
      ? wrongRecords(schema, first).map(({ how, value }) =>
          bytes('field', how, `${JSON.stringify(value)}\n${good}`),
        )
      : []),
  ]
}

/** The directory of a path, made when it is missing. */
export function makeParent(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
}
