/** `spec.md`: front matter for us, the body for the worker. */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'
import { referencePage } from '../kit/package.ts'
import { patience } from '../kit/patience.ts'
import { readBounded } from '../kit/read.ts'
import { oneLine } from '../kit/text.ts'
import { type Front, front } from './schema/spec.ts'

export const specLimit = 256 * 1024

export interface Spec {
  readonly text: string
  readonly sha256: string
  readonly title: string
  readonly front: Front
  /** What the worker is told: the text without the front matter. */
  readonly body: string
}

/** @param file its name for messages; throws `bad-spec` with the line and field */
export async function parseSpec(bytes: Buffer, file: string): Promise<Spec> {
  const { text, front, hasFront, body } = await partsOf(bytes, file)
  if (body.trim() === '') {
    throw bad(`${file} says nothing to do: it has no text${hasFront ? ' below the front matter' : ''}`)
  }
  const title = front.title ?? titleOf(body)
  return {
    text,
    sha256: createHash('sha256').update(text).digest('hex'),
    title: oneLine(title, 120),
    front,
    body,
  }
}

export interface Parts {
  readonly text: string
  readonly front: Front
  readonly hasFront: boolean
  readonly body: string
  /** Number of the body's first line in the file. */
  readonly bodyLine: number
}

/** Front matter and text, either of which may be empty; throws `bad-spec` with the line and field. */
export async function partsOf(bytes: Buffer, file: string): Promise<Parts> {
  const text = decode(bytes, file)
  const { yaml, body, line } = split(text, file)
  const { parseYaml } = await import('./yaml.ts')
  return {
    text,
    front: yaml === null ? {} : parseYaml(yaml, front, { file, code: 'bad-spec', line }),
    hasFront: yaml !== null,
    body,
    bodyLine: text.slice(0, text.length - body.length).split('\n').length,
  }
}

/** A task's own spec; throws `corrupt-file` when it is gone, is no file, or is too long for a spec. */
export function readSpec(path: string): Buffer {
  const bytes = readBounded(path, specLimit)
  if (bytes) return bytes
  throw new Failure('corrupt-file', `${path} is gone`, {
    hint: 'Give the task its spec again: dirigent respawn ID --spec FILE',
  })
}

/** What the worker is told, of a spec that was accepted before: its text without the front matter. */
export function bodyOf(bytes: Buffer, file: string): string {
  return split(decode(bytes, file), file).body
}

/** The same of a task's own spec. One that a person may just be saving is looked at again. */
export function readBody(path: string): string {
  const again = patience(path)
  while (true) {
    try {
      const body = bodyOf(readSpec(path), path)
      if (body.trim() !== '') return body
      throw bad(`${path} says nothing to do any more`)
    } catch (error) {
      if (!(error instanceof Failure) || !again()) throw error
    }
  }
}

/** An id from a title: `Add a login form` → `add-a-login-form`. Empty when nothing is left of it. */
export function idFrom(title: string): string {
  return title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
}

function decode(bytes: Buffer, file: string): string {
  if (bytes.length > specLimit) {
    throw bad(
      `${file} is longer than ${specLimit} bytes, which is the most for a spec`,
      'Put long material into files and point to them.',
    )
  }
  if (bytes.includes(0)) throw bad(`${file} is not text: it holds a NUL byte`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n')
  } catch (error) {
    if (error instanceof TypeError) throw bad(`${file} is not UTF-8 text`)
    throw error
  }
}

function split(text: string, file: string): { yaml: string | null; body: string; line: number } {
  if (!/^---[ \t]*\n/.test(text)) {
    if (
      /^(?:title|needs|verify|paths|change|base|attempts|budget|priority|tags|worker|model|effort):.*\n(?:.*\n)*?---[ \t]*$/m.test(
        text.slice(0, 4096),
      ) &&
      /^\w+:/.test(text)
    )
      throw bad(
        `${file}:1: this looks like front matter that does not begin with ---`,
        'Put a line of three dashes before it.',
      )
    return { yaml: null, body: text, line: 1 }
  }
  const begin = text.indexOf('\n') + 1
  const close = /^---[ \t]*$/m
  close.lastIndex = 0
  const rest = text.slice(begin)
  const end = close.exec(rest)
  if (!end)
    throw bad(
      `${file}:1: the front matter begins with --- and is never closed`,
      'Close it with a line of three dashes.',
    )
  return {
    yaml: rest.slice(0, end.index),
    body: rest.slice(end.index + end[0].length).replace(/^\n+/, ''),
    line: 2,
  }
}

function titleOf(body: string): string {
  const line = body.split('\n').find((candidate) => candidate.trim() !== '') ?? ''
  return line.replace(/^#+\s*/, '')
}

function bad(
  message: string,
  hint = `Write what is to be done in Markdown; see spec.md in ${referencePage('state.md')}`,
): Failure {
  return new Failure('bad-spec', message, { hint })
}
