/**
 * A mailbox as a Maildir: one file per message, its name (without `.md`) is the message's id. A message is written
 * beside, synced, linked to its name and its directory synced before anybody is told that it was accepted. Unread
 * files lie in the directory, read ones in `seen/`; the rename is the receipt, whoever makes it.
 *
 * A message is the same when id, kind and text are: sent again it changes nothing. Files that are no text, too large
 * or no `.md` are left where they are; of too many, some are read now and the others when those are gone.
 */
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno } from '../kit/errors.ts'
import {
  createFileOnce,
  isTemporaryName,
  makeOwnDirectory,
  outOfTheWay,
  syncDirectory,
} from '../kit/files.ts'
import { beingSaved } from '../kit/patience.ts'
import { lookAt } from '../kit/read.ts'
import {
  composeMessage,
  type Draft,
  identity,
  type Message,
  messageName,
  readMessage,
} from './message-file.ts'
import type { TaskPaths } from './paths.ts'
import type { MessageFront } from './schema/message.ts'

export interface Mailbox {
  readonly unread: string
  readonly seen: string
  /** Who speaks in a file that does not say. */
  readonly from: MessageFront['from']
}

export const inboxOf = (task: TaskPaths): Mailbox => ({
  unread: task.inbox,
  seen: task.inboxSeen,
  from: 'person',
})
export const outboxOf = (task: TaskPaths): Mailbox => ({
  unread: task.outbox,
  seen: task.outboxSeen,
  from: 'worker',
})

export type Known = Pick<Message, 'name' | 'sha256'>

/**
 * Puts a message into the box. When this returns it survives a power cut.
 * @returns `known` when the same message was there before, read or not; `other` when another one has its id; `gone`
 *   when the task's directory is
 */
export function postTo(box: Mailbox, draft: Draft): 'posted' | 'known' | 'other' | 'gone' {
  if (!makeBox(box)) return 'gone'
  const message = { name: messageName(draft.id), sha256: identity(draft.kind, draft.text) }
  const { name, sha256 } = message
  const delivered = () => (wasSeen(box, message) ? 'known' : null)
  const before = delivered() ?? (lookAt(join(box.seen, name)) ? 'other' : null)
  if (before) return before
  const made = createFileOnce(join(box.unread, name), composeMessage(draft))
  // Another sender's of the same name may have been delivered between our look and our link.
  if (delivered()) {
    claim(box, message)
    return 'known'
  }
  if (made) return 'posted'
  return readMessage(box.unread, name, box.from)?.sha256 === sha256 ? 'known' : (delivered() ?? 'other')
}

/** Names of whole messages. None where a worker has put something else in the directory's place. */
export function messagesIn(directory: string): string[] {
  if (!lookAt(directory)?.isDirectory()) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && !isTemporaryName(entry.name))
    .map((entry) => entry.name)
}

/** So many are read at once. */
export const mostAtOnce = 100

/** What nobody has read yet, oldest first: the oldest `most` of them. */
export const unreadIn = (box: Mailbox, most = mostAtOnce): Message[] =>
  read(box.unread, box.from, (all) => all.slice(0, most))

/** What was read, oldest first: the newest `most` of it. */
export const seenIn = (box: Mailbox, most = mostAtOnce): Message[] =>
  read(box.seen, box.from, (all) => all.slice(-most))

/** The message of that id, read or not. */
export const findMessage = (box: Mailbox, id: string): Message | undefined =>
  readMessage(box.unread, messageName(id), box.from) ?? readMessage(box.seen, messageName(id), box.from)

/** In the order in which they were written; their names decide where the clock does not. */
export function read(
  directory: string,
  from: MessageFront['from'],
  some: (all: readonly string[]) => readonly string[],
): Message[] {
  const names = messagesIn(directory)
    .map((name) => ({ name, at: lookAt(join(directory, name))?.mtimeMs ?? 0 }))
    .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
  return some(names).flatMap((name) => readMessage(directory, name, from) ?? [])
}

/** A person who saves one by hand may be in the middle of it: waits, blocking, until that is over. */
export function awaitSaves(box: Mailbox): void {
  for (const name of messagesIn(box.unread).slice(0, mostAtOnce)) {
    const half = beingSaved(join(box.unread, name))
    while (half());
  }
}

/** Claims messages as read, by a rename, one by one. */
export function markSeen(box: Mailbox, messages: readonly Known[]): void {
  for (const message of messages) claim(box, message)
  if (messages.length > 0) for (const path of [box.seen, box.unread]) syncIfThere(path)
}

export const wasSeen = (box: Mailbox, { name, sha256 }: Known): boolean =>
  readMessage(box.seen, name, box.from)?.sha256 === sha256

/**
 * Moves it to `seen/` if it is still what it was; beside another one of its name that was seen before. False when
 * somebody else has: a hook of the worker's, say.
 */
export function claim(box: Mailbox, { name, sha256 }: Known): boolean {
  if (readMessage(box.unread, name, box.from)?.sha256 !== sha256) return false
  let target = name
  for (let n = 2; lookAt(join(box.seen, target)) && !wasSeen(box, { name: target, sha256 }); n++)
    target = `${name.slice(0, -'.md'.length)}-${n}.md`
  return moveAway(join(box.unread, name), join(box.seen, target))
}

/**
 * Moves a file, not through a link that a worker has put in the place of the directory; false when the file or the task
 * is gone, or something else has just been put there.
 */
export function moveAway(from: string, to: string): boolean {
  try {
    makeOwn(dirname(to))
    renameSync(from, to)
    return true
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'EEXIST', 'EXDEV', 'ELOOP'].includes(errno(error) ?? '')) throw error
    return false
  }
}

/** A worker may have put something else in its place. False when the task is gone: it is not made again. */
function makeBox({ unread, seen }: Mailbox): boolean {
  try {
    makeOwn(unread)
    makeOwnDirectory(seen)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}

/** As `makeOwnDirectory`, in a directory that is there: that of a task that is gone is not made again. */
function makeOwn(path: string): void {
  const there = lookAt(path)
  if (there?.isDirectory()) return
  if (there) outOfTheWay(path)
  mkdirSync(path)
}

export function syncIfThere(directory: string): void {
  if (lookAt(directory)?.isDirectory()) syncDirectory(directory)
}
