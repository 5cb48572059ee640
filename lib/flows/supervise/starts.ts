/** Starts what waits, when its time has come. Settling does so too; this does it also when settling met trouble. */
import type { Context } from '../context.ts'
import { dispatch } from '../dispatch.ts'
import { holdOf } from '../hold.ts'
import type { Observed } from '../settle.ts'
import type { Part } from './part.ts'
import { timesAhead } from './start.ts'

export const starts: Part = {
  name: 'starting',
  async run(context) {
    return (await dispatch(context)).started.map((id) => `${id} was started`)
  },
  next: async (context, seen) => earliest(aheadOf(context, seen)),
}

function aheadOf(context: Context, { tasks }: Observed): Date[] {
  const holdFor = holdOf(context, tasks)
  const shared = tasks.flatMap(({ status }) =>
    status.state === 'queued' ? (holdFor(status)?.until ?? []) : [],
  )
  return [...timesAhead(tasks), ...shared.filter((time) => time.getTime() > Date.now())]
}

function earliest(times: readonly Date[]): Date | null {
  return times.length > 0 ? new Date(Math.min(...times.map((time) => time.getTime()))) : null
}
