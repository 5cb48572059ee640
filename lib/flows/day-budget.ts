/**
 * The budget of a day, over all tasks: what attempts that have ended used is in the day's ledger, what those use that
 * run is in their status. An attempt that lasts over midnight has its share in the ledger of each day.
 */
import { lookAt } from '../kit/read.ts'
import { dayOf } from '../kit/text.ts'
import { daysBefore, midnightAfter, minus, nothingUsed, plus, spentOf, type Used } from '../rules/day.ts'
import type { Task } from '../state/tasks.ts'
import { appendUsage, attemptKey, usageOn } from '../state/usage.ts'
import { type Context, now } from './context.ts'

export interface DaySpent {
  readonly why: string
  readonly until: Date
}

/** Null while there is something left, or no such budget. */
export function daySpent(context: Context, tasks: readonly Task[]): DaySpent | null {
  const budget = context.config.day_budget
  if (budget.minutes === undefined && budget.tokens === undefined) return null
  const time = new Date()
  const why = spentOf(budget, usedOnDay(context, tasks, time))
  return why === null ? null : { why, until: midnightAfter(time) }
}

function usedOnDay(context: Context, tasks: readonly Task[], time: Date): Used {
  const ledger = usageOn(context.paths, dayOf(time))
  const all = new Map<string, Used>(ledger)
  for (const task of tasks) {
    if (task.status.state !== 'running' || !task.status.worker) continue
    const key = attemptKey(task.id, task.status.attempt)
    const live = shareOf(context, task, usedSoFar(task, time), time)
    // Its end is in the ledger a moment before it is in its status.
    const known = ledger.get(key) ?? nothingUsed
    all.set(key, {
      tokens: Math.max(live.tokens, known.tokens),
      minutes: Math.max(live.minutes, known.minutes),
    })
  }
  return [...all.values()].reduce(plus, nothingUsed)
}

/** A runner that lives writes the status every ten seconds; time during which nothing ran is nobody's. */
const longestSilence = 60_000

function usedSoFar({ paths, status }: Task, time: Date): Used {
  const { worker } = status
  if (!worker) return nothingUsed
  const seen = (lookAt(paths.status)?.mtimeMs ?? 0) + longestSilence
  const ran = Math.min(time.getTime(), seen) - Date.parse(worker.started)
  return { tokens: worker.tokens, minutes: Math.max(0, ran) / 60_000 }
}

/** Of what the newest attempt of a task used in all, the part that is not in the ledgers of earlier days. */
function shareOf({ paths }: Context, { id, status }: Task, used: Used, time: Date): Used {
  const began = new Date(status.worker?.started ?? time)
  const key = attemptKey(id, status.attempt)
  return daysBefore(began, time).reduce(
    (left, day) => minus(left, usageOn(paths, day).get(key) ?? nothingUsed),
    used,
  )
}

/** @param used by the newest attempt of the task, in all; its share of that day goes into the ledger */
export function noteUsed(context: Context, task: Task, used: Used, time: Date): void {
  const share = shareOf(context, task, used, time)
  const { attempt } = task.status
  appendUsage(context.paths, dayOf(time), { at: now(), task: task.id, attempt, ...share })
}
