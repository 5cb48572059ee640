/** The cool-down that all tasks share: an attempt that meets a limit of its provider pauses starts for everybody. */
import { oneLine } from '../kit/text.ts'
import { afterMeeting, type Cooling, isCooling, isLimit } from '../rules/cool-down.ts'
import { changeCoolDown, readCoolDown } from '../state/cool-down.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Task } from '../state/tasks.ts'
import { providerOf } from '../tools/codex/provider.ts'
import { trail } from './advance.ts'
import type { Context } from './context.ts'

export interface CoolingProvider extends Cooling {
  readonly provider: string
}

/** The provider that is not to be asked now, or null. Throws `corrupt-file`. */
export function coolingNow(context: Context): CoolingProvider | null {
  const all = readCoolDown(context.paths)
  if (Object.keys(all).length === 0) return null
  const provider = providerOf(context.config.codex, process.env)
  const known = all[provider]
  return known && isCooling(known, new Date()) ? { ...known, provider } : null
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
  if (failure === null) await clearLimit(context)
  else if (isLimit(failure)) await noteLimit(context, task, started, failure)
}

async function noteLimit(context: Context, task: Task, started: string, failure: TaskFailure): Promise<void> {
  const provider = providerOf(context.config.codex, process.env)
  const now = new Date()
  let until = ''
  await changeCoolDown(context.paths, (known) => {
    const cooling = afterMeeting(known[provider], { failure, task: task.id, started }, now)
    until = cooling.until
    return { ...known, [provider]: cooling }
  })
  trail(context, task, 'cool-down', `nothing is started for ${oneLine(provider, 100)} until ${until}`)
}

/** It served somebody to the end: how often its limit was met before counts no more. */
async function clearLimit(context: Context): Promise<void> {
  const provider = providerOf(context.config.codex, process.env)
  const isOver = (known: Cooling | undefined) => known !== undefined && !isCooling(known, new Date())
  if (!isOver(readCoolDown(context.paths)[provider])) return
  await changeCoolDown(context.paths, (known) => {
    if (!isOver(known[provider])) return known
    const { [provider]: _, ...others } = known
    return others
  })
}
