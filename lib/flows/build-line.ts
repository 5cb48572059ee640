/**
 * The line at the build lock: who has it, who waits, and in which place. Read from the tickets; those of callers
 * that died are removed in passing.
 */
import { homedir } from 'node:os'
import { Failure } from '../kit/errors.ts'
import { dropStale, noteOf, type Ticket, tickets } from '../kit/queue.ts'
import { duration, oneLine, ordinal } from '../kit/text.ts'
import { queueName } from '../rules/environment.ts'
import { lockFamilyPath, machineQueue } from '../state/paths.ts'
import { parseRecord } from '../state/record.ts'
import { type TicketNote, ticketNote } from '../state/schema/locks.ts'
import type { Context } from './context.ts'
import { openLocks } from './locks.ts'

/** The directory with the tickets of everybody this repository takes turns with. */
export function queueOf(context: Context): string {
  if (context.config.build.scope === 'repository') return context.paths.buildQueue
  return process.env[queueName] ?? machineQueue(process.env.XDG_STATE_HOME, process.env.HOME ?? homedir())
}

/** Task of this repository → the sentence about its wait for the build lock. */
export async function waitingForBuild(context: Context): Promise<ReadonlyMap<string, string>> {
  const waiting = new Map<string, string>()
  await tidyLine(context)
  const all = tickets(queueOf(context))
  for (const [index, ticket] of all.entries()) {
    // Its turn has come; it has not said so yet.
    if (index < context.config.build.slots) continue
    const note = readNote(ticket)
    if (!note?.task || note.repo !== context.repo.main || note.began !== null) continue
    waiting.set(note.task, bannerOf(context, all.slice(0, index), all))
  }
  return waiting
}

/**
 * Takes the tickets of those who died out of the line. Whatever is wrong with the line's own files, those are told
 * who want a turn; it must not keep anybody from looking at tasks, or a task from its end.
 */
export async function tidyLine(context: Context): Promise<void> {
  const directory = queueOf(context)
  if (tickets(directory).length === 0) return
  try {
    await openLocks(lockFamilyPath(directory))
    await dropStale(directory)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
}

/** "2nd of 4; held by add-login (npm test, 3 min)": our place among those who wait, and who is in. */
export function bannerOf(context: Context, ahead: readonly Ticket[], all: readonly Ticket[]): string {
  const { slots } = context.config.build
  const holders = ahead.slice(0, slots).map((ticket) => holderOf(context, readNote(ticket)))
  const place = `${ordinal(ahead.length - slots + 1)} of ${all.length - slots}`
  return `${place}; held by ${holders.join(', ')}`
}

/** Cleaned: anybody can write a ticket, and this goes to terminals. */
function holderOf(context: Context, note: TicketNote | null): string {
  if (!note) return 'somebody who has not said who'
  const elsewhere = note.repo === context.repo.main ? '' : ` of ${oneLine(note.repo, 120)}`
  const since = duration(Date.now() - Date.parse(note.began ?? note.asked))
  return `${oneLine(note.task ?? 'a person', 63)}${elsewhere} (${oneLine(note.command, 60)}, ${since})`
}

/** Null for one that is just being written, or ruined: it is for people only. */
function readNote(ticket: Ticket): TicketNote | null {
  try {
    return parseRecord(ticket.path, noteOf(ticket), ticketNote)
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}
