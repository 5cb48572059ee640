/**
 * The runner's part in the budget of a day: it ends its own worker when the day's is spent, so that this holds without
 * a supervisor; and at midnight it writes down what belongs to the day that is over.
 */
import { narrate } from '../../kit/cli.ts'
import { errno, Failure, reasonOf } from '../../kit/errors.ts'
import { dayOf } from '../../kit/text.ts'
import { listTasks, type Task } from '../../state/tasks.ts'
import { type Context, freshSettings, now } from '../context.ts'
import { daySpent, noteUsed } from '../day-budget.ts'
import { requestRestart } from '../restart.ts'

/** Milliseconds between two looks. */
const every = 3000

/** To be called often, with the tokens that the attempt has used so far; it seldom does anything. */
export function watchDay(context: Context, task: Task): (tokens: number) => void {
  const began = Date.now()
  let looked = began
  let today = new Date()
  return (tokens) => {
    const time = new Date()
    if (Math.abs(time.getTime() - looked) < every) return
    looked = time.getTime()
    void contained(task, async () => {
      if (dayOf(time) !== dayOf(today)) {
        const minutes = (time.getTime() - began) / 60_000
        noteUsed(context, task, { tokens, minutes }, today)
        today = time
      }
      endWhenSpent(await freshSettings(context), task)
    })
  }
}

/** Also for a worker whose runner is gone, by whoever looks. */
export function endWhenSpent(context: Context, task: Task): void {
  const spent = daySpent(context, listTasks(context.paths).tasks)
  if (!spent) return
  // No time of its own: it goes on when there is something left, at midnight or with a larger budget.
  const wish = {
    class: 'day-budget',
    message: `${spent.why}; it goes on at midnight`,
    not_before: null,
  } as const
  requestRestart(context, task, wish, "day's budget")
}

/** The watch over the worker goes on whatever is wrong with the ledger; the next look tries again. */
async function contained(task: Task, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failure) && errno(error) === undefined) throw error
    narrate(`${now()} ${task.id}: the day's budget cannot be looked at: ${reasonOf(error)}`)
  }
}
