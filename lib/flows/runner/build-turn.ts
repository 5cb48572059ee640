/** The turn for heavy commands: one holder at a time, who says who it is. */
import { hostname } from 'node:os'
import { Failure } from '../../kit/errors.ts'
import { tryLock } from '../../kit/lock.ts'
import { duration, oneLine } from '../../kit/text.ts'
import { readRecord, writeRecord } from '../../state/record.ts'
import { buildNote } from '../../state/schema/build-note.ts'
import { type Context, now } from '../context.ts'

/** Set inside a turn, so that a heavy command started by a heavy command does not wait for itself. */
export const insideTurn = 'DIRIGENT_BUILD_TURN'

export interface TurnRequest {
  readonly task: string | null
  readonly command: string
  /** Milliseconds to wait at most; Infinity: for ever. */
  readonly wait: number
  readonly signal?: AbortSignal
  /** Told once when there is a wait: who holds the lock. */
  readonly onWait?: (banner: string) => void
}

/** Runs `work` when it is its turn; undefined when it did not come within `wait` or was aborted. */
export async function withBuildTurn<T>(
  context: Context,
  request: TurnRequest,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const path = context.paths.buildLock
  let held = await tryLock(path, 0, request.signal)
  if (!held) {
    request.onWait?.(`waiting for the build lock: ${holder(context)}`)
    held = request.wait === 0 ? undefined : await tryLock(path, request.wait, request.signal)
  }
  if (!held) return undefined
  try {
    const { task, command } = request
    writeRecord(
      context.paths.buildNote,
      { version: 1, task, command: oneLine(command, 200), pid: process.pid, host: hostname(), since: now() },
      { durable: false },
    )
    return await work()
  } finally {
    await held.unlock()
  }
}

/** Who held the lock last, for people: a hint that may be out of date. */
export function holder(context: Context): string {
  try {
    const last = readRecord(context.paths.buildNote, buildNote)
    if (!last) return 'its holder has not said who it is'
    return `held by ${last.task ?? 'a person'} (${last.command}, ${duration(Date.now() - Date.parse(last.since))})`
  } catch (error) {
    if (error instanceof Failure) return 'its holder left no readable note'
    throw error
  }
}
