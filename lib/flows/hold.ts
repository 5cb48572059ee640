/** What keeps starts back for a while: of every task, or of all that ask the same provider. */
import { Failure } from '../kit/errors.ts'
import { clockTime, oneLine } from '../kit/text.ts'
import type { Hold } from '../rules/capacity.ts'
import type { Status } from '../state/schema/status.ts'
import type { Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { type CoolingProvider, coolingNow } from './cool-down.ts'
import { daySpent } from './day-budget.ts'

export function holdOf(context: Context, tasks: readonly Task[]): (status: Status) => Hold | null {
  if (!tasks.some(({ status }) => status.state === 'queued')) return () => null
  try {
    const day = dayHold(context, tasks)
    if (day) return () => day
    const cooling = coolingNow(context)
    return (status) => coolDownHold(cooling({ status }))
  } catch (error) {
    // A person's doing: none of our writes can be half there. It says what to do, and nobody is asked meanwhile.
    if (!(error instanceof Failure)) throw error
    const broken = { why: error.message, health: null, until: null }
    return () => broken
  }
}

function dayHold(context: Context, tasks: readonly Task[]): Hold | null {
  const spent = daySpent(context, tasks)
  return spent && { why: `${spent.why}; goes on at midnight`, health: null, until: spent.until }
}

function coolDownHold(cooling: CoolingProvider | null): Hold | null {
  if (!cooling) return null
  const until = new Date(cooling.until)
  const provider = oneLine(cooling.provider, 60)
  const when = `until ${clockTime(until, new Date())} (${cooling.class.replace('-', ' ')} met by ${oneLine(cooling.task, 63)})`
  return { why: `${provider} cools down ${when}`, health: `${provider} ${when}`, until }
}
