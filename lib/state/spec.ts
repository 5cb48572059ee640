/** `spec.md`: front matter for us, the body for the worker. */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'
import { referencePage } from '../kit/package.ts'
import { patience } from '../kit/patience.ts'
import { readBounded } from '../kit/read.ts'
import { oneLine } from '../kit/text.ts'
import { type Divided, decode, divide, type Kind, parseFront } from './front-matter.ts'
import { type Front, front } from './schema/spec.ts'

export const specLimit = 256 * 1024

const kind = {
  code: 'bad-spec',
  name: 'a spec',
  limit: specLimit,
  hint: `Write what is to be done in Markdown; see spec.md in ${referencePage('state.md')}`,
} as const satisfies Kind

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
  const text = decode(bytes, file, kind)
  const divided = dividedSpec(text, file)
  const { yaml, body } = divided
  return {
    text,
    front: yaml === null ? {} : await parseFront(divided, front, file, kind),
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
  return dividedSpec(decode(bytes, file, kind), file).body
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

/** An id from a title: `Add a login form` → `add-a-login-form`, whole words. Empty when nothing is left of it. */
export function idFrom(title: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return words.length <= 40
    ? words
    : words
        .slice(0, 41)
        .replace(/-[^-]*$/, '')
        .slice(0, 40)
}

/** Somebody forgot the first line of dashes; told to a worker, the settings would be words. */
const unopened =
  /^(?:title|needs|verify|paths|change|base|attempts|budget|priority|tags|worker|model|effort):.*\n(?:.*\n)*?---[ \t]*$/m

function dividedSpec(text: string, file: string): Divided {
  if (/^\w+:/.test(text) && unopened.test(text.slice(0, 4096)))
    throw bad(
      `${file}:1: this looks like front matter that does not begin with ---`,
      'Put a line of three dashes before it.',
    )
  return divide(text, file, kind)
}

function titleOf(body: string): string {
  const line = body.split('\n').find((candidate) => candidate.trim() !== '') ?? ''
  return line.replace(/^#+\s*/, '')
}

function bad(message: string, hint: string = kind.hint): Failure {
  return new Failure('bad-spec', message, { hint })
}
