/** The cool-down that all tasks share: an attempt that meets a limit of its provider pauses starts for everybody. */
import { dateTime, oneLine } from '../kit/text.ts'
import { afterMeeting, type Cooling, isCooling, isLimit } from '../rules/cool-down.ts'
import { changeCoolDown, readCoolDown } from '../state/cool-down.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Task } from '../state/tasks.ts'
import { trail } from './advance.ts'
import type { Context } from './context.ts'
import { workerOf } from './worker.ts'

export interface CoolingProvider extends Cooling {
  readonly provider: string
}

/** The provider of a task's worker when it is not to be asked now, or null. Throws `corrupt-file`. */
export function coolingNow(context: Context): (task: Pick<Task, 'status'>) => CoolingProvider | null {
  const all = readCoolDown(context.paths)
  const now = new Date()
  const cooling = Object.entries(all).filter(([, known]) => isCooling(known, now))
  return (task) => {
    const provider = cooling.length > 0 ? workerOf(context, task).provider() : null
    const [, known] = cooling.find(([name]) => name === provider) ?? []
    return known && provider !== null ? { ...known, provider } : null
  }
}

/**
 * What the end of an attempt says about the provider. Before the task's own state is written: whoever starts it again
 * then sees the cool-down. Saying it twice changes nothing.
 * @param started when the attempt began
 */
export async function noteLimits(
  context: Context,
  task: Task,
  started: string,
  failure: TaskFailure | null,
): Promise<void> {
  const provider = workerOf(context, task).provider()
  if (provider === null) return
  if (failure === null) await clearLimit(context, provider)
  else if (isLimit(failure)) await noteLimit(context, task, provider, started, failure)
}

async function noteLimit(
  context: Context,
  task: Task,
  provider: string,
  started: string,
  failure: TaskFailure,
): Promise<void> {
  const now = new Date()
  let until = ''
  await changeCoolDown(context.paths, (known) => {
    const cooling = afterMeeting(known[provider], { failure, task: task.id, started }, now)
    until = cooling.until
    return { ...known, [provider]: cooling }
  })
  trail(
    context,
    task,
    'cool-down',
    `nothing is started for ${oneLine(provider, 100)} until ${dateTime(until)}`,
  )
}

/** It served somebody to the end: how often its limit was met before counts no more. */
async function clearLimit(context: Context, provider: string): Promise<void> {
  const isOver = (known: Cooling | undefined) => known !== undefined && !isCooling(known, new Date())
  if (!isOver(readCoolDown(context.paths)[provider])) return
  await changeCoolDown(context.paths, (known) => {
    if (!isOver(known[provider])) return known
    const { [provider]: _, ...others } = known
    return others
  })
}
