/**
 * How far messages to a worker got: `queued` in inbox/, `delivered` in inbox/seen/, `acknowledged` when the model went
 * on after it had it, `expired` when the task ended first. The files' places say the first two and the last; what an
 * attempt's messages.json adds (how, when, acknowledged) is its runner's, and a worker can spoil it: it is a hint.
 */

import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { lookAt } from '../kit/read.ts'
import { inboxOf, messagesIn, read } from './mailbox.ts'
import type { Message } from './message-file.ts'
import type { TaskPaths } from './paths.ts'
import { readRecord, writeRecord } from './record.ts'
import { type Told, type ToldRecord, told } from './schema/attempt.ts'
import { attemptsUpTo } from './shape.ts'

export type Receipt = 'queued' | 'delivered' | 'acknowledged' | 'expired'
export const receipts: readonly Receipt[] = ['queued', 'delivered', 'acknowledged', 'expired']

export interface Tracked extends Message, Pick<Told, 'delivered' | 'acknowledged'> {
  readonly receipt: Receipt
  readonly how: Told['how'] | null
}

/** What an attempt wrote down; empty when it did not, or when that makes no sense. */
export function readTold(task: TaskPaths, n: number): ToldRecord {
  const nothing: ToldRecord = { version: 1, messages: [], heard: [] }
  try {
    return readRecord(task.attempt(n).messages, told) ?? nothing
  } catch (error) {
    if (error instanceof Failure) return nothing
    throw error
  }
}

export const writeTold = (task: TaskPaths, n: number, record: ToldRecord): void =>
  writeRecord(task.attempt(n).messages, record)

/** What all attempts wrote down about messages that their workers were given. */
function deliveries(task: TaskPaths, attempts: number): Map<string, Told> {
  const known = new Map<string, Told>()
  for (const n of attemptsUpTo(task, attempts))
    for (const message of readTold(task, n).messages) known.set(message.name, message)
  return known
}

/** How many have which receipt, and the newest of them, oldest first. */
export function track(
  task: TaskPaths,
  attempts: number,
  most: number,
): { readonly counts: Readonly<Record<Receipt, number>>; readonly newest: readonly Tracked[] } {
  const known = deliveries(task, attempts)
  const box = inboxOf(task)
  const seen = messagesIn(box.seen)
  const acknowledged = seen.filter((name) => known.get(name)?.acknowledged).length
  const counts = {
    queued: messagesIn(box.unread).length,
    delivered: seen.length - acknowledged,
    acknowledged,
    expired: messagesIn(task.inboxExpired).length,
  }
  const newest = [
    ...lastOf(box.unread, most).map((message) => tracked(message, 'queued', undefined)),
    ...lastOf(box.seen, most).map((message) => {
      const note = known.get(message.name)
      return tracked(message, note?.acknowledged ? 'acknowledged' : 'delivered', note)
    }),
    ...lastOf(task.inboxExpired, most).map((message) => tracked(message, 'expired', undefined)),
  ].sort((a, b) => a.written - b.written)
  return { counts, newest: newest.slice(-most) }
}

/** How far one message got, and where its file is. */
export function receiptOf(
  task: TaskPaths,
  attempts: number,
  name: string,
): { readonly receipt: Receipt; readonly path: string } {
  const at = (directory: string) => lookAt(join(directory, name)) && join(directory, name)
  const seen = at(task.inboxSeen)
  const expired = at(task.inboxExpired)
  if (at(task.inbox) || (!seen && !expired)) return { receipt: 'queued', path: join(task.inbox, name) }
  if (!seen) return { receipt: 'expired', path: expired ?? '' }
  const acknowledged = deliveries(task, attempts).get(name)?.acknowledged
  return { receipt: acknowledged ? 'acknowledged' : 'delivered', path: seen }
}

const lastOf = (directory: string, most: number): Message[] =>
  read(directory, 'person', (all) => all.slice(-most))

function tracked(message: Message, receipt: Receipt, note: Told | undefined): Tracked {
  const { how = null, delivered = null, acknowledged = null } = note ?? {}
  return { ...message, receipt, how, delivered, acknowledged }
}

/** Files that came to a directory since then, by its clock: a rename counts, whoever made it. The first `most`. */
export function arrivedSince(
  directory: string,
  since: number,
  most: number,
): { readonly name: string; readonly at: number }[] {
  return messagesIn(directory)
    .map((name) => ({ name, at: lookAt(join(directory, name))?.ctimeMs ?? 0 }))
    .filter(({ at }) => at >= since - clockStep)
    .sort((a, b) => a.at - b.at)
    .slice(0, most)
}

/** The kernel stamps changes with a clock that goes in steps of a few milliseconds. */
const clockStep = 50
