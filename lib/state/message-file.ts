/**
 * One message as a file: front matter between lines of three dashes (one `key: value` a line, `schema/message.ts`),
 * then its text. A file without front matter, as a person saves one, is a note; front matter that makes no sense is
 * part of the text: nothing is refused, and nothing hides what else was said.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { lookAt, readBounded } from '../kit/read.ts'
import { type MessageFront, messageFront } from './schema/message.ts'

/** Bytes of a message's text, and of its file. */
export const messageLimit = 64 * 1024
const fileLimit = messageLimit + 16 * 1024

export interface Message extends MessageFront {
  /** Of its file: the id and `.md`. */
  readonly name: string
  readonly text: string
  /** Of its kind and text: when it is sent again, this is how it is recognised. */
  readonly sha256: string
  /** When its file was written; ms. Messages are told in this order. */
  readonly written: number
}

/** What somebody wants to say. */
export type Draft = Omit<MessageFront, 'at'> & { readonly text: string }

export const messageName = (id: string): string => `${id}.md`
export const idOf = (name: string): string => name.slice(0, -'.md'.length)

/** In the order of time, and nobody else's. */
export function newMessageId(): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').replace('.', '-').toLowerCase().replace('z', '')
  return `${time}-${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`
}

export function composeMessage({ text, ...front }: Draft, at = new Date().toISOString()): string {
  const { id, from, kind, ...more } = front
  const lines = Object.entries({ id, from, at, kind, ...more })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${written(value)}\n`)
  return `---\n${lines.join('')}---\n\n${trimmed(text)}\n`
}

/** @param from whose words they are when the file does not say */
export function parseMessage(
  name: string,
  file: string,
  from: MessageFront['from'],
  modified: number,
): Message {
  const plain = { id: idOf(name), from, at: new Date(modified).toISOString(), kind: 'note' as const }
  const found = split(file)
  const parsed = found && messageFront.safeParse({ ...plain, ...found.front, id: plain.id })
  const front = parsed?.success && hasTimes(parsed.data) ? parsed.data : plain
  const text = trimmed(front === plain ? file : (found?.text ?? ''))
  return { ...front, name, text, sha256: identity(front.kind, text), written: modified }
}

/** Undefined when it is not there, or cannot be read: a link, a directory, too long. */
export function readMessage(
  directory: string,
  name: string,
  from: MessageFront['from'],
): Message | undefined {
  const path = join(directory, name)
  try {
    const bytes = readBounded(path, fileLimit)
    if (!bytes) return undefined
    const message = parseMessage(name, bytes.toString(), from, lookAt(path)?.mtimeMs ?? 0)
    return Buffer.byteLength(message.text) <= messageLimit ? message : undefined
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

export function identity(kind: MessageFront['kind'], text: string): string {
  return createHash('sha256')
    .update(`${kind}\0${trimmed(text)}`)
    .digest('hex')
}

/** Null when it does not begin with what looks like front matter of ours. */
function split(file: string): { front: Record<string, unknown>; text: string } | null {
  const match = /^---[ \t]*\r?\n((?:[^\n]*\n){1,40}?)---[ \t]*(?:\r?\n|$)/.exec(file)
  if (!match) return null
  const front: Record<string, unknown> = {}
  for (const line of (match[1] ?? '').split('\n')) {
    if (line.trim() === '') continue
    const [, key = '', value = ''] = /^([a-z]+):[ \t]*(.*?)\s*$/.exec(line) ?? []
    if (key === '' || Object.hasOwn(front, key)) return null
    front[key] = read(value)
  }
  return { front, text: file.slice(match[0].length) }
}

/** A list and what is in quotes are JSON, which YAML takes too; all else is what it says. */
function read(value: string): unknown {
  if (!/^["[]/.test(value)) return value
  try {
    return JSON.parse(value)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return value.startsWith('[')
      ? value
          .slice(1)
          .replace(/\]$/, '')
          .split(',')
          .map((word) => word.trim())
      : value
  }
}

const written = (value: unknown): string =>
  typeof value === 'string' && /^[A-Za-z0-9][\w.:-]*$/.test(value) ? value : JSON.stringify(value)

const hasTimes = ({ at, by }: MessageFront): boolean =>
  [at, by ?? at].every((time) => !Number.isNaN(Date.parse(time)))

/** Its lines as they are, without the empty ones around them. */
const trimmed = (text: string): string => text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd()
