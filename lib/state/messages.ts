/**
 * The inbox, as a Maildir: one file per message, its name (without `.md`) is the message's id. A message is
 * written beside, synced, linked to its name and its directory synced before anybody is told that it was
 * accepted. Unread files lie in inbox/, delivered ones in inbox/seen/; the move is the receipt.
 *
 * Delivered at least once, and new to one attempt only (later ones are reminded of it): an attempt writes down which messages its prompt has before its worker
 * starts. When its worker did start they are not told again, although the runner died before it had moved them.
 * A message is the same when name and content are: a person who uses a name again for something else is heard.
 *
 * Files that are not text, too large or still being written are left where they are.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from '../kit/errors.ts'
import {
  createFileOnce,
  isTemporaryName,
  makeOwnDirectory,
  outOfTheWay,
  syncDirectory,
} from '../kit/files.ts'
import { beingSaved } from '../kit/patience.ts'
import { lookAt, readBounded } from '../kit/read.ts'
import type { TaskPaths } from './paths.ts'
import { readRecord, writeRecord } from './record.ts'
import { told } from './schema/attempt.ts'

export const messageLimit = 64 * 1024

export interface Message {
  readonly name: string
  readonly text: string
  readonly sha256: string
}

type Known = Pick<Message, 'name' | 'sha256'>

export const messageName = (id: string): string => `${id}.md`

/**
 * Puts a message into the inbox. When this returns it survives a power cut.
 * @returns `known` when the same message was there before, delivered or not; `other` when another one has its
 *   name; `gone` when the task's directory is
 */
export function post(task: TaskPaths, name: string, text: string): 'posted' | 'known' | 'other' | 'gone' {
  if (!makeInbox(task)) return 'gone'
  const sha256 = hash(text)
  const delivered = () => (wasSeen(task, { name, sha256 }) ? 'known' : null)
  const before = delivered() ?? (lookAt(join(task.inboxSeen, name)) ? 'other' : null)
  if (before) return before
  const made = createFileOnce(join(task.inbox, name), text)
  // Another sender's of the same name may have been delivered between our look and our link.
  if (delivered()) {
    claim(task, { name, sha256 })
    return 'known'
  }
  if (made) return 'posted'
  return readMessage(task, name)?.sha256 === sha256 ? 'known' : (delivered() ?? 'other')
}

/**
 * What the prompt of attempt `n` has to tell, oldest first. What an earlier attempt has told is moved away, so
 * nobody else may be at it.
 */
export function deliverable(task: TaskPaths, n: number): Message[] {
  for (const directory of [task.inbox, task.inboxSeen]) makeOwnDirectory(directory)
  for (let earlier = 1; earlier < n; earlier++) markTold(task, earlier)
  const messages = allIn(task, task.inbox)
  const again = messages.filter((message) => wasSeen(task, message))
  markSeen(task, again)
  return messages.filter((message) => !again.includes(message))
}

/** What earlier attempts were told. Each worker begins with nothing but its prompt, so it is reminded of them. */
export const toldEarlier = (task: TaskPaths): Message[] => allIn(task, task.inboxSeen)

/** Writes down which messages the attempt's prompt has; its worker must not have started. */
export function remember(task: TaskPaths, n: number, messages: readonly Message[]): void {
  if (messages.length === 0) return
  const known = messages.map(({ name, sha256 }) => ({ name, sha256 }))
  writeRecord(task.attempt(n).messages, { version: 1, messages: known })
}

/** Marks messages as delivered: claims them by a rename, one by one. */
export function markSeen(task: TaskPaths, messages: readonly Known[]): void {
  for (const message of messages) claim(task, message)
  if (messages.length > 0) for (const path of [task.inboxSeen, task.inbox]) syncIfThere(path)
}

export function countUnread(task: TaskPaths): number {
  return messagesIn(task.inbox).length
}

/** Names of whole messages. None where a worker has put something else in the directory's place. */
export function messagesIn(directory: string): string[] {
  if (!lookAt(directory)?.isDirectory()) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && !isTemporaryName(entry.name))
    .map((entry) => entry.name)
}

/** In the order in which they were written; their names decide where the clock does not. */
function allIn(task: TaskPaths, directory: string): Message[] {
  const messages: (Message & { readonly at: number })[] = []
  for (const name of messagesIn(directory)) {
    // A person who saves one by hand may be in the middle of it.
    const half = beingSaved(join(directory, name))
    while (half());
    const at = lookAt(join(directory, name))?.mtimeMs ?? 0
    const message = readMessage(task, name, directory)
    if (message) messages.push({ ...message, at })
  }
  return messages.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
}

/** Undefined when it is not there, or cannot be read. */
function readMessage(task: TaskPaths, name: string, directory = task.inbox): Message | undefined {
  try {
    const bytes = readBounded(join(directory, name), messageLimit)
    return bytes && { name, text: bytes.toString(), sha256: hash(bytes) }
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** A worker that wrote nothing to its stream did nothing: it was told nothing either. */
function markTold(task: TaskPaths, n: number): void {
  const paths = task.attempt(n)
  const record =
    lookAt(paths.messages)?.isFile() && lookAt(paths.stream)?.size ? readTold(paths.messages) : null
  if (record) markSeen(task, record.messages)
}

/** The worker can write there: what makes no sense says nothing. */
function readTold(path: string) {
  try {
    return readRecord(path, told)
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

const wasSeen = (task: TaskPaths, { name, sha256 }: Known): boolean =>
  readMessage(task, name, task.inboxSeen)?.sha256 === sha256

/** Moves it to inbox/seen if it is still what it was; beside another one of its name that was seen before. */
function claim(task: TaskPaths, { name, sha256 }: Known): void {
  if (readMessage(task, name)?.sha256 !== sha256) return
  let target = name
  for (let n = 2; lookAt(join(task.inboxSeen, target)) && !wasSeen(task, { name: target, sha256 }); n++)
    target = `${name.slice(0, -'.md'.length)}-${n}.md`
  try {
    renameSync(join(task.inbox, name), join(task.inboxSeen, target))
  } catch (error) {
    // Gone, or a worker has put something else in the directory's place.
    if (!['ENOENT', 'ENOTDIR'].includes(errno(error) ?? '')) throw error
  }
}

/** A worker may have put something else in its place. False when the task is gone: it is not made again. */
function makeInbox({ inbox }: TaskPaths): boolean {
  const there = lookAt(inbox)
  if (there?.isDirectory()) return true
  try {
    if (there) outOfTheWay(inbox)
    mkdirSync(inbox)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}

function syncIfThere(directory: string): void {
  if (lookAt(directory)?.isDirectory()) syncDirectory(directory)
}

const hash = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')
