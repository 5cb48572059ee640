/** How a task is doing, observed and derived, never stored; each with its evidence. Pure. */
import { dateTime, duration } from '../kit/text.ts'
import type { Status } from '../state/schema/status.ts'
import { isOwned } from './lifecycle.ts'

export type HealthName =
  | 'working'
  | 'in-a-tool'
  | 'checking'
  | 'landing'
  | 'waiting-for-the-build-lock'
  | 'reconnecting'
  | 'cooling-down'
  | 'quiet'
  | 'stalled'
  | 'alone'
  | 'lost'
  | 'resting'

export interface Health {
  readonly name: HealthName
  readonly evidence: string
}

/** No sign of life from the model for this long, and not in a tool. */
const quietAfter = 5 * 60_000

/**
 * @param alive somebody holds the task's run.lock
 * @param turn who holds the build lock while a command of the task waits for it; null when none does
 * @param still what shows that the worker stands still; null when nothing does
 */
export function healthOf(
  status: Status,
  alive: boolean,
  now: number,
  turn: string | null = null,
  still: string | null = null,
): Health {
  if (!isOwned(status)) {
    if (status.state === 'queued' && status.not_before && Date.parse(status.not_before) > now) {
      return { name: 'cooling-down', evidence: `until ${dateTime(status.not_before)}` }
    }
    return { name: 'resting', evidence: status.reason ?? '' }
  }
  if (!alive)
    return {
      name: 'lost',
      evidence: `its runner died (run.lock is free, neither runner nor worker lives)`,
    }
  // A wait is no silence, however long it is.
  if (turn !== null) return { name: 'waiting-for-the-build-lock', evidence: turn }
  if (still !== null) return { name: 'stalled', evidence: still }
  const { activity } = status
  if (!activity) return { name: 'working', evidence: 'starting' }
  const silent = now - Date.parse(activity.last_event)
  const since = duration(now - Date.parse(activity.since))
  switch (activity.kind) {
    case 'checking':
      return { name: 'checking', evidence: `${activity.what} (${since})` }
    case 'landing':
      return { name: 'landing', evidence: `${activity.what} (${since})` }
    case 'build-lock':
      return { name: 'waiting-for-the-build-lock', evidence: activity.what ?? since }
    case 'tool':
      return { name: 'in-a-tool', evidence: `${activity.what} (${since})` }
    case 'reconnecting':
      return { name: 'reconnecting', evidence: `${activity.what ?? ''} (${since})` }
    default:
      // What is known of the worker is of no use once it has ended.
      if (status.state !== 'running') return { name: 'working', evidence: status.reason ?? status.state }
      if (silent > quietAfter) return { name: 'quiet', evidence: `no event for ${duration(silent)}` }
      return { name: 'working', evidence: `${activity.what ?? activity.kind} (${since})` }
  }
}

/** The health of a queued task that the provider's cool-down keeps from starting. */
export const coolingHealth = (evidence: string): Health => ({ name: 'cooling-down', evidence })

/** The health of a task whose runner died while its worker lives on: what is known of it is from before. */
export function aloneHealth({ evidence }: Health): Health {
  return {
    name: 'alone',
    evidence: `its runner died; its worker goes on by itself, within its budget (seen before: ${evidence})`,
  }
}
