/** Which queued tasks start now, and why the others do not. Pure. */
import { dateTime } from '../kit/text.ts'
import type { Status } from '../state/schema/status.ts'
import { isBlockedLanding } from './lifecycle.ts'

/**
 * Workers at once when the configuration is silent: two a core, because they mostly wait for the model
 * and heavy commands take turns, and 2 GiB of memory for each.
 */
export function defaultWorkers(cores: number, memoryBytes: number): number {
  return Math.max(1, Math.min(2 * cores, Math.floor(memoryBytes / 2 ** 31), 16))
}

export interface Plan {
  readonly start: readonly string[]
  /** Queued task → why it waits. */
  readonly blocked: ReadonlyMap<string, string>
}

/** What keeps starts back, whatever the capacity: everybody's, or those of all that ask the same provider. */
export interface Hold {
  readonly why: string
  /** The evidence that such a task cools down; null when it is something else. */
  readonly health: string | null
  /** When it is over by itself; null when somebody must do something. */
  readonly until: Date | null
}

/** How a needed task stands; `unknown` when it is neither live nor archived, `blocked` when it cannot go on by itself. */
export type NeedState = Status['state'] | 'unknown' | 'blocked'

/**
 * @param tasks every live task
 * @param needState of any id, archived ones included
 */
export function plan(
  tasks: readonly Status[],
  max: number,
  now: Date,
  needState: (id: string) => NeedState,
  holdOf: (task: Status) => Hold | null = () => null,
): Plan {
  const blocked = new Map<string, string>()
  const ready: Status[] = []
  for (const task of tasks) {
    if (task.state !== 'queued') continue
    const why = blockedBy(task, now, needState) ?? holdOf(task)?.why
    if (why) blocked.set(task.id, why)
    else ready.push(task)
  }
  ready.sort(byPriority)
  const busy = tasks.filter((task) => task.state === 'running').length
  const free = Math.max(0, max - busy)
  for (const task of ready.slice(free))
    blocked.set(task.id, `capacity: ${busy + Math.min(free, ready.length)} of ${max} workers are busy`)
  return { start: ready.slice(0, free).map((task) => task.id), blocked }
}

/** Why a queued task cannot start whatever the capacity, or null. */
export function blockedBy(task: Status, now: Date, needState: (id: string) => NeedState): string | null {
  if (task.not_before && Date.parse(task.not_before) > now.getTime())
    return `cooling down until ${dateTime(task.not_before)}`
  for (const need of task.settings.needs) {
    const state = needState(need)
    if (state === 'merged' || state === 'done') continue
    return state === 'cancelled' || state === 'unknown'
      ? `needs ${need}, which is ${state}`
      : `needs ${need} (${state})`
  }
  return null
}

/** What a queued task needs and will never get unless somebody acts, or null. */
export function hopelessNeed(task: Status, needState: (id: string) => NeedState): string | null {
  if (task.state !== 'queued') return null
  const lost = (need: string) => ['cancelled', 'unknown', 'failed'].includes(needState(need))
  return task.settings.needs.find(lost) ?? null
}

/** A live task as those see it that need it. */
export function needStateOf(task: Status, needState: (id: string) => NeedState): NeedState {
  if (task.state === 'landing' && isBlockedLanding(task)) return 'blocked'
  return task.state === 'queued' && !isProgressing(task, needState) ? 'blocked' : task.state
}

/** Waits for something that will come without anybody's doing. */
export function isProgressing(task: Status, needState: (id: string) => NeedState): boolean {
  return task.settings.needs.every((need) => goesOn.includes(needState(need)))
}

const goesOn: readonly NeedState[] = ['queued', 'running', 'verifying', 'landing', 'merged', 'done']

/** Higher priority first, then what has begun already, then the older. */
function byPriority(a: Status, b: Status): number {
  return (
    b.settings.priority - a.settings.priority ||
    Number(b.attempt > 0) - Number(a.attempt > 0) ||
    a.created.localeCompare(b.created) ||
    a.id.localeCompare(b.id)
  )
}

/**
 * The circle that `id` with these needs would close, as a list of ids, or null.
 * @param needsOf needs of any other task
 */
export function findCycle(
  id: string,
  needs: readonly string[],
  needsOf: (id: string) => readonly string[],
): string[] | null {
  // Each is looked at once: needs branch and meet again, and there are as many ways as paths through them.
  const neededBy = new Map<string, string>()
  const open = [id]
  for (const at of open)
    for (const need of at === id ? needs : needsOf(at)) {
      if (need === id) return [...wayTo(at, neededBy), need]
      if (neededBy.has(need)) continue
      neededBy.set(need, at)
      open.push(need)
    }
  return null
}

function wayTo(id: string, neededBy: ReadonlyMap<string, string>): string[] {
  const way: string[] = []
  for (let at: string | undefined = id; at !== undefined; at = neededBy.get(at)) way.unshift(at)
  return way
}
