/**
 * More than half of the workers found dead at once is not their doing: the machine slept, or the container was
 * restarted. Locks that live by being touched (`kit/lockfile.ts`) look free after a sleep although their holders
 * live, so the supervisor waits for one pass. Other verbs settle as ever; by whomever they are taken up, such losses
 * are not held against the tasks.
 */
import { Failure } from '../kit/errors.ts'
import type { StatePaths } from '../state/paths.ts'
import { readRecord, writeRecord } from '../state/record.ts'
import { type Outage, outage } from '../state/schema/supervision.ts'
import type { Task } from '../state/tasks.ts'
import { type Context, now } from './context.ts'

/** One that is dead alone has crashed. */
const fewest = 2
/** Whatever kills most of them again within this time is held against the tasks: something must bound it. */
const again = 60 * 60_000

interface Found {
  /** Tasks whose lock somebody has, and those whose runner is gone. */
  readonly alive: ReadonlySet<string>
  readonly lost: readonly Task[]
}

export interface Outwaited {
  /** Until then the supervisor does nothing. */
  readonly until: Date
  /** Found now. */
  readonly did: readonly string[]
}

/** Null: it goes on. */
export function waitsAfterOutage({ paths, config }: Context, { alive, lost }: Found): Outwaited | null {
  if (lost.length < fewest || lost.length <= alive.size) return null
  const pause = config.supervise.every_seconds * 1000
  const last = readOutage(paths)
  if (last && lost.every((task) => isIn(last, task))) {
    const left = Date.parse(last.at) + pause - Date.now()
    // A clock that was set must not make it longer.
    return left > 0 && left <= pause ? { until: new Date(Date.now() + left), did: [] } : null
  }
  // Found in two looks, it is still one outage.
  const goesOn = last && lost.some((task) => isIn(last, task)) ? last : null
  const spared = goesOn ? goesOn.spared : !last || Date.now() - Date.parse(last.at) > again
  const epochs = Object.fromEntries(lost.map(({ id, status }) => [id, status.epoch]))
  writeRecord(paths.outage, { version: 1, at: goesOn?.at ?? now(), spared, lost: epochs } satisfies Outage)
  const all = Object.keys(epochs).join(', ')
  const counts = spared ? '' : '; it is not the first within an hour, so it counts'
  return {
    until: new Date(Date.now() + pause),
    did: [`most workers are dead at once, an outage: ${all} are taken up one pass later${counts}`],
  }
}

/** This very loss is part of an outage that is not held against anybody. */
export function isSpared(paths: StatePaths, task: Task): boolean {
  const last = readOutage(paths)
  return last?.spared === true && isIn(last, task)
}

/** Whoever takes a task up raises its epoch. */
const isIn = ({ lost }: Outage, { id, status }: Task): boolean => lost[id] === status.epoch

/** A note that cannot be read is none: then losses count, as they do without one. */
function readOutage(paths: StatePaths): Outage | undefined {
  try {
    return readRecord(paths.outage, outage)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}
