/**
 * A fair queue for a few places: first come, first served. One ticket file per caller, locked by its caller;
 * whoever waits blocks on a ticket ahead and is woken when its holder lets go or dies, so nobody judges by age
 * and the dead hold nobody up. The ticket's descriptor is handed to what its holder runs: a holder that is
 * killed keeps its place until what it started has ended too.
 *
 * Numbers are given under a short lock, one above the highest there is; so a ticket ahead was locked before ours
 * was made, and one ahead that nobody holds is of a caller that died, and is removed.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from './errors.ts'
import { diskFailure, makeDirectory, removeTree } from './files.ts'
import { isLocked, type Lock, lockTable, tryLock, untilFree } from './lock.ts'
import { readTail } from './read.ts'
import { withTimeLimit } from './time-limit.ts'

export interface Ticket {
  readonly number: number
  readonly path: string
}

export interface Place {
  readonly ticket: Ticket
  /** Hand this to what runs in the place, so that the place lives as long as that does. Null: cannot be. */
  readonly fd: number | null
  /** Gives the place up, also where somebody inherited the descriptor. */
  leave(): Promise<void>
}

export interface Line {
  /** Tickets ahead of ours, first come first. */
  readonly ahead: readonly Ticket[]
  /** All tickets, ours included. */
  readonly all: readonly Ticket[]
}

export interface Wish {
  /** How many may be in at once. */
  readonly places: number
  /** Written on the ticket, for those who wait behind. */
  readonly note: string
  /** Milliseconds to wait at most; Infinity: for ever. */
  readonly wait: number
  readonly signal?: AbortSignal | undefined
  /** Told each time the line ahead has changed and there still is one. */
  readonly onWait?: ((line: Line) => void) | undefined
}

/** Held while a ticket is made, so that numbers are given one at a time. */
const doorName = 'door.lock'
/** Milliseconds. Those who have the door write a line and leave; it waits this long for a machine that swaps. */
const doorWait = 60_000
/** For those who would not wait for a place: others may be at the door just now. */
const doorGrace = 2000

/** So far they are read. Numbers begin again when nobody is in line, so none comes near it. */
const mostNumbers = 999_999_999_999_999

/** Takes a place, or undefined when it did not come free within `wait` or `signal` was aborted. */
export const takePlace = (directory: string, wish: Wish): Promise<Place | undefined> =>
  withTimeLimit(wish.wait, wish.signal, (giveUp) => takeInLine(directory, wish, giveUp))

async function takeInLine(directory: string, wish: Wish, giveUp: AbortSignal): Promise<Place | undefined> {
  if (wish.signal?.aborted) return undefined
  const taken = await takeTicket(directory, wish, giveUp)
  if (!taken) return undefined
  const { ticket, held } = taken
  const leave = async () => {
    try {
      drop(ticket)
    } finally {
      // A ticket that cannot be removed must hold nobody up.
      await held.unlock()
    }
  }
  let told = -1
  try {
    for (;;) {
      const all = tickets(directory)
      const ahead = all.filter(({ number }) => number < ticket.number)
      if (ahead.length < wish.places) return { ticket, fd: held.fd, leave }
      // Whoever is told who holds it up, or does not wait to find out, must not be held up by the dead.
      if ((wish.onWait || wish.wait === 0) && (await dropDead(ahead.slice(0, wish.places)))) continue
      if (ahead.length !== told) wish.onWait?.({ ahead, all })
      told = ahead.length
      if (wish.wait === 0 || giveUp.aborted) break
      await someoneLeaves(watched(ahead, wish), giveUp)
    }
  } catch (error) {
    await leave()
    throw error
  }
  await leave()
  return undefined
}

/** Everybody in the queue, first come first, the dead included. None where there is no queue. */
export function tickets(directory: string): Ticket[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return []
    throw error
  }
  return names
    .filter((name) => /^\d{1,15}(-[0-9a-z]+)?\.ticket$/.test(name))
    .map((name) => ({ number: Number.parseInt(name, 10), path: join(directory, name) }))
    .sort((a, b) => a.number - b.number)
}

/** Tickets that nobody holds: of callers that died. One that is just being made is not held yet either. */
export async function staleTickets(directory: string): Promise<Ticket[]> {
  return await unheld(tickets(directory))
}

async function unheld(among: readonly Ticket[]): Promise<Ticket[]> {
  const stale: Ticket[] = []
  const table = among.length > fewTickets ? lockTable() : undefined
  for (const ticket of among) if (!(await isLocked(ticket.path, table))) stale.push(ticket)
  return stale
}

/** Up to so many tickets are asked for one by one; each takes 2 ms. */
const fewTickets = 5

/**
 * Removes the tickets of callers that died. Returns how many; 0 when there is no queue, and when the door is taken:
 * they hold nobody up, so nobody waits to remove them.
 */
export async function dropStale(directory: string): Promise<number> {
  if ((await staleTickets(directory)).length === 0) return 0
  const door = await tryLock(join(directory, doorName), 1000)
  if (!door) return 0
  try {
    const stale = await staleTickets(directory)
    stale.forEach(drop)
    return stale.length
  } finally {
    door.close()
  }
}

/** What a ticket's holder wrote on it; empty when it has just left. */
export function noteOf(ticket: Ticket): string {
  return readTail(ticket.path, 2048).toString()
}

/** The holder of a ticket writes something else on it: in place, since the lock is on this very file. */
export function rewrite(ticket: Ticket, note: string): void {
  writeFileSync(ticket.path, note)
}

/** Undefined when the door did not come free in the time that the caller has. */
async function takeTicket(
  directory: string,
  { note, wait }: Wish,
  giveUp: AbortSignal,
): Promise<{ ticket: Ticket; held: Lock } | undefined> {
  makeDirectory(directory)
  const path = join(directory, doorName)
  const door = await tryLock(path, wait === 0 ? doorGrace : Math.min(wait, doorWait), giveUp)
  if (!door && (wait < doorWait || giveUp.aborted)) return undefined
  if (!door)
    throw new Failure(
      'lock-busy',
      `${path} is still locked after ${doorWait / 1000} s; it is held for moments only`,
      {
        hint: `See who holds it, and end or continue that: fuser -v ${path}`,
        retryable: true,
      },
    )
  try {
    return await makeTicket(directory, note)
  } finally {
    door.close()
  }
}

/** Called at the door. */
async function makeTicket(directory: string, note: string): Promise<{ ticket: Ticket; held: Lock }> {
  const number = await nextNumber(directory)
  // Numbers come again when nobody is in line; a name never does.
  const name = `${String(number).padStart(8, '0')}-${randomBytes(6).toString('hex')}.ticket`
  const ticket = { number, path: join(directory, name) }
  try {
    writeFileSync(ticket.path, note, { flag: 'wx' })
  } catch (error) {
    drop(ticket)
    throw diskFailure(error, ticket.path)
  }
  // Nobody competes for it; somebody may be looking whether it is held.
  const held = await tryLock(ticket.path, 5000)
  if (held) return { ticket, held }
  throw new Failure('lock-busy', `${ticket.path} is new and held by somebody else`, {
    hint: `Repeat the command. Again? See who holds it: fuser -v ${ticket.path}`,
    retryable: true,
  })
}

/** Called at the door. A greater one than are read would be seen by nobody, and two could be in at once. */
async function nextNumber(directory: string): Promise<number> {
  const next = () => 1 + (tickets(directory).at(-1)?.number ?? 0)
  if (next() > mostNumbers) (await staleTickets(directory)).forEach(drop)
  if (next() <= mostNumbers) return next()
  throw new Failure('corrupt-file', `A ticket in ${directory} has a number that was given to nobody`, {
    hint: `See who holds it, and end that: fuser -v ${directory}/*`,
  })
}

/**
 * Whose leaving concerns us. With one place, the one before us: so that each who leaves wakes one. Those who
 * are in, when there are several places or somebody wants to be told who has it.
 */
function watched(ahead: readonly Ticket[], { places, onWait }: Wish): readonly Ticket[] {
  return places === 1 && !onWait ? ahead.slice(-1) : ahead.slice(0, places)
}

/** Returns when one of these tickets is let go, or `giveUp` is aborted. */
async function someoneLeaves(ahead: readonly Ticket[], giveUp: AbortSignal): Promise<void> {
  const enough = new AbortController()
  const signal = AbortSignal.any([giveUp, enough.signal])
  try {
    await Promise.race(
      ahead.map(async (ticket) => {
        // Who leaves takes the ticket along; one that is still there is of a caller that died.
        if (await untilFree(ticket.path, signal)) drop(ticket)
      }),
    )
  } finally {
    enough.abort()
  }
}

async function dropDead(ahead: readonly Ticket[]): Promise<boolean> {
  const dead = await unheld(ahead)
  dead.forEach(drop)
  return dead.length > 0
}

function drop(ticket: Ticket): void {
  removeTree(ticket.path)
}
