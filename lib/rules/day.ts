/** Days by the calendar of the place where we are, however long they last; and whether the budget of one is spent. Pure. */
import { count, dayOf } from '../kit/text.ts'

export interface Used {
  readonly tokens: number
  readonly minutes: number
}

export interface DayBudget {
  readonly minutes?: number | undefined
  readonly tokens?: number | undefined
}

export const nothingUsed: Used = { tokens: 0, minutes: 0 }

export const plus = (a: Used, b: Used): Used => ({
  tokens: a.tokens + b.tokens,
  minutes: a.minutes + b.minutes,
})

/** What is left of `a` when `b` was counted elsewhere. */
export const minus = (a: Used, b: Used): Used => ({
  tokens: Math.max(0, a.tokens - b.tokens),
  minutes: Math.max(0, a.minutes - b.minutes),
})

/** The midnight that comes next. */
export const midnightAfter = (time: Date): Date =>
  new Date(time.getFullYear(), time.getMonth(), time.getDate() + 1)

/** The days from that of `from` to the one before that of `to`; the newest, should there be very many. */
export function daysBefore(from: Date, to: Date): string[] {
  const days: string[] = []
  const last = dayOf(to)
  const first = Math.max(from.getTime(), to.getTime() - mostDays * 86_400_000)
  // Noon is there on every day, whatever the clocks do.
  const noon = new Date(first)
  noon.setHours(12, 0, 0, 0)
  for (; dayOf(noon) < last; noon.setDate(noon.getDate() + 1)) days.push(dayOf(noon))
  return days
}

/** No attempt lasts longer. */
const mostDays = 31

/** What is spent of it, in words; null while nothing is. */
export function spentOf({ minutes, tokens }: DayBudget, used: Used): string | null {
  if (tokens !== undefined && used.tokens >= tokens)
    return `the day's budget of ${count(tokens)} tokens is spent (${count(used.tokens)} used)`
  if (minutes !== undefined && used.minutes >= minutes)
    return `the day's budget of ${minutes} minutes is spent`
  return null
}
