/** The turn for heavy commands: whoever came first has it first, and says who it is. */
import { hostname } from 'node:os'
import { makeDirectory } from '../kit/files.ts'
import { isLocked } from '../kit/lock.ts'
import { bootId } from '../kit/pid.ts'
import { type Line, rewrite, takePlace } from '../kit/queue.ts'
import { clean, oneLine } from '../kit/text.ts'
import { lockFamilyPath } from '../state/paths.ts'
import type { TicketNote } from '../state/schema/locks.ts'
import { bannerOf, queueOf } from './build-line.ts'
import { type Context, now } from './context.ts'
import { openLocks } from './locks.ts'

/**
 * Set inside a turn, to the path of its ticket, so that a heavy command started by a heavy command does not wait
 * for itself.
 */
const turnVariable = 'DIRIGENT_BUILD_TURN'

export interface TurnRequest {
  readonly task: string | null
  readonly command: string
  /** Milliseconds to wait at most; Infinity: for ever. */
  readonly wait: number
  readonly signal?: AbortSignal
  /** Told at first, and whenever the line ahead gets shorter: who holds the lock, and our place. */
  readonly onWait?: (banner: string) => void
}

export interface Turn {
  /** Hand it to the command: should we be killed, the turn lasts until the command has ended too. */
  readonly fd: number | null
  /** To be added to the command's environment. */
  readonly env: Readonly<Record<string, string>>
  /** How long it took to come, milliseconds. */
  readonly waited: number
}

/** Runs `work` when it is its turn; undefined when it did not come within `wait` or was aborted. */
export async function withBuildTurn<T>(
  context: Context,
  request: TurnRequest,
  work: (turn: Turn) => Promise<T>,
): Promise<T | undefined> {
  const directory = queueOf(context)
  const asked = performance.now()
  makeDirectory(directory)
  await openLocks(lockFamilyPath(directory))
  const note = noteFor(context, request)
  const place = await takePlace(directory, {
    places: context.config.build.slots,
    note: written(note),
    wait: request.wait,
    signal: request.signal,
    onWait: ({ ahead, all }: Line) => request.onWait?.(bannerOf(context, ahead, all)),
  })
  if (!place) return undefined
  try {
    rewrite(place.ticket, written({ ...note, began: now() }))
    const env = { [turnVariable]: place.ticket.path }
    return await work({ fd: place.fd, env, waited: performance.now() - asked })
  } finally {
    await place.leave()
  }
}

/**
 * Are we inside a turn that is still going on? What a build left behind (a server, say) has the variable for
 * ever, and takes its turn like anybody else.
 */
export async function isInsideTurn(context: Context, env: NodeJS.ProcessEnv): Promise<boolean> {
  const ticket = env[turnVariable]
  if (!ticket?.startsWith(`${queueOf(context)}/`)) return false
  await openLocks(lockFamilyPath(queueOf(context)))
  return await isLocked(ticket)
}

function noteFor(context: Context, { task, command }: TurnRequest): TicketNote {
  return {
    version: 1,
    task,
    repo: context.repo.main,
    command: oneLine(clean(command), 200),
    pid: process.pid,
    host: hostname(),
    boot: bootId(),
    asked: now(),
    began: null,
  }
}

const written = (note: TicketNote): string => `${JSON.stringify(note)}\n`
