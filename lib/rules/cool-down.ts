/** The cool-down that all tasks share: how a limit that an attempt met changes it, and what it holds back. Pure. */
import type { TaskFailure } from '../state/schema/common.ts'
import type { CoolDown } from '../state/schema/supervision.ts'
import { coolDownEnd, rules } from './retry.ts'

export type Cooling = CoolDown['providers'][string]

export interface Met {
  readonly failure: TaskFailure
  /** Whose attempt met it, and when that began. */
  readonly task: string
  readonly started: string
}

export const isLimit = ({ class: kind }: TaskFailure): boolean => rules[kind].pause === 'shared'

/** Never sooner over than before: of many who meet a limit at once, the one who was told the longest time is right. */
export function afterMeeting(
  known: Cooling | undefined,
  { failure, task, started }: Met,
  now: Date,
): Cooling {
  const after = failure.retry_at === null ? 0 : Date.parse(failure.retry_at) - now.getTime()
  const stated = after > 0 && after <= longestStated ? failure.retry_at : null
  // Who had begun before that met the same limit as the first, and makes it no longer the next time.
  const same = known !== undefined && started <= known.at
  const times = (known?.times ?? 0) + (same ? 0 : 1)
  const until = latest(stated ?? coolDownEnd(times, now), known?.until)
  if (same) return { ...known, until }
  return { until, class: failure.class, message: failure.message, task, at: now.toISOString(), times }
}

/** Limits are for a month at most; a worker may say any time, and it would hold up all others. */
const longestStated = 32 * 24 * 3_600_000

const latest = (one: string, other: string | undefined): string => (other && other > one ? other : one)

/** It is over by time alone. */
export const isCooling = ({ until }: Cooling, now: Date): boolean => Date.parse(until) > now.getTime()
