/** Starts what waits, when its time has come. Settling does so too; this does it also when settling met trouble. */
import type { Context } from '../context.ts'
import { dispatch } from '../dispatch.ts'
import { holdOf } from '../hold.ts'
import type { Observed } from '../settle.ts'
import type { Part } from './part.ts'

export const starts: Part = {
  name: 'starting',
  async run(context) {
    return (await dispatch(context)).started.map((id) => `${id} was started`)
  },
  next: async (context, seen) => earliest(aheadOf(context, seen)),
}

/** Ends of pauses, and times at which a question answers itself. */
function aheadOf(context: Context, { tasks }: Observed): Date[] {
  const own = tasks.map(({ status }) => (status.state === 'queued' ? status.not_before : status.asked?.by))
  const shared = holdOf(context, tasks)?.until
  return [...own.flatMap((time) => (time ? [new Date(time)] : [])), ...(shared ? [shared] : [])]
}

/** Of the times to come. */
function earliest(times: readonly Date[]): Date | null {
  const ahead = times.filter((time) => time.getTime() > Date.now())
  return ahead.length > 0 ? new Date(Math.min(...ahead.map((time) => time.getTime()))) : null
}
