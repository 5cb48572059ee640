/**
 * Messages to a task's worker: which are news to an attempt, and which it was given. Delivered at least once, and new
 * to one attempt only (later ones are reminded of it): an attempt writes down which messages its prompt has before its
 * worker starts. When its worker did start they are not told again, although the runner died before it had moved them.
 * A person who uses a name again for something else is heard.
 */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeOwnDirectory } from '../kit/files.ts'
import { lookAt } from '../kit/read.ts'
import {
  awaitSaves,
  findMessage,
  inboxOf,
  markSeen,
  messagesIn,
  moveAway,
  outboxOf,
  postTo,
  seenIn,
  syncIfThere,
  unreadIn,
  wasSeen,
} from './mailbox.ts'
import type { Draft, Message } from './message-file.ts'
import type { TaskPaths } from './paths.ts'
import { readTold, writeTold } from './receipts.ts'
import { attemptsUpTo } from './shape.ts'

/** Puts a message into the task's inbox: `mailbox.ts` says what comes back. */
export const post = (task: TaskPaths, draft: Draft): ReturnType<typeof postTo> => postTo(inboxOf(task), draft)

/**
 * What the prompt of attempt `n` has to tell, oldest first. What an earlier attempt has told is moved away, so
 * nobody else may be at it.
 */
export function deliverable(task: TaskPaths, n: number): Message[] {
  const box = inboxOf(task)
  for (const directory of [box.unread, box.seen]) makeOwnDirectory(directory)
  for (const earlier of attemptsUpTo(task, n - 1)) markTold(task, earlier)
  awaitSaves(box)
  const messages = unreadIn(box)
  const again = messages.filter((message) => wasSeen(box, message))
  markSeen(box, again)
  return messages.filter((message) => !again.includes(message))
}

/** What earlier attempts were told. Each worker begins with nothing but its prompt, so it is reminded of them. */
export const toldEarlier = (task: TaskPaths): Message[] =>
  seenIn(inboxOf(task)).filter((message) => attemptMeant(message.name) === null)

/** The name of what the supervisor says about how an attempt goes: of no use to any other. */
export const remarkId = (about: 'stall' | 'drift', attempt: number, what: string): string =>
  `${about}-${attempt}-${what}`

function attemptMeant(name: string): number | null {
  const n = /^(?:stall|drift)-(\d{1,9})-[0-9a-z]+\.md$/.exec(name)?.[1]
  return n === undefined ? null : Number(n)
}

/** What was said about how attempts before `n` go, and was not read, is put aside. Gives the names. */
export const expireRemarks = (task: TaskPaths, n: number): string[] =>
  expireNames(
    task,
    messagesIn(task.inbox).filter((name) => (attemptMeant(name) ?? n) < n),
  )

/** Answers, with the questions that they answer. */
export function withQuestions(
  task: TaskPaths,
  messages: readonly Message[],
): (Message & { readonly question?: string })[] {
  return messages.map((message) => {
    const question = message.re === undefined ? undefined : findMessage(outboxOf(task), message.re)
    return question ? { ...message, question: question.text } : message
  })
}

/** Writes down which messages the attempt's prompt has; its worker must not have started. */
export function remember(task: TaskPaths, n: number, messages: readonly Message[]): void {
  if (messages.length === 0) return
  const known = messages.map(({ name, sha256 }) => {
    return { name, sha256, how: 'prompt' as const, delivered: null, acknowledged: null }
  })
  writeTold(task, n, { version: 1, messages: known, heard: [] })
}

/** The worker of attempt `n` never read its prompt: what that had to tell is news again. */
export function takeBack(task: TaskPaths, n: number): void {
  const box = inboxOf(task)
  for (const { name, sha256, how } of readTold(task, n).messages)
    if (how === 'prompt' && wasSeen(box, { name, sha256 }) && !lookAt(join(box.unread, name)))
      moveAway(join(box.seen, name), join(box.unread, name))
  for (const directory of [box.unread, box.seen]) syncIfThere(directory)
  // Last: should we die before, the end of the attempt is concluded once more.
  rmSync(task.attempt(n).messages, { recursive: true, force: true })
}

/** Nobody will be there to read what is left: it is put aside. Gives the names of what this call has moved. */
export const expire = (task: TaskPaths): string[] => expireNames(task, messagesIn(task.inbox))

function expireNames(task: TaskPaths, names: readonly string[]): string[] {
  if (names.length === 0) return []
  makeOwnDirectory(task.inboxExpired)
  const moved = names.filter((name) => moveAway(join(task.inbox, name), freeName(task.inboxExpired, name)))
  for (const directory of [task.inboxExpired, task.inbox]) syncIfThere(directory)
  return moved
}

function freeName(directory: string, name: string): string {
  let free = name
  for (let n = 2; lookAt(join(directory, free)); n++) free = `${name.slice(0, -'.md'.length)}-${n}.md`
  return join(directory, free)
}

/** A worker that wrote nothing to its stream did nothing: it was told nothing either. */
function markTold(task: TaskPaths, n: number): void {
  if (lookAt(task.attempt(n).stream)?.size) markSeen(inboxOf(task), readTold(task, n).messages)
}
