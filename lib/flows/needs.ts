/** How the tasks that others need stand: live ones from the list, ended ones from the archive. */

import { Failure } from '../kit/errors.ts'
import { type NeedState, needStateOf } from '../rules/capacity.ts'
import { reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'

export function needStates(context: Context, tasks: readonly Task[]): (id: string) => NeedState {
  const live = new Map(tasks.map((task) => [task.id, task.status]))
  const known = new Map<string, NeedState>()
  const resolve = (id: string) => {
    // What is needed before what needs it, without calls within calls: chains are as long as people make them.
    const path = [id]
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const status = live.get(at)
      // First as it is, so that a circle (spawn refuses them) comes to an end.
      if (status && !known.has(at)) known.set(at, status.state)
      const open =
        status?.state === 'queued' ? status.settings.needs.find((need) => !known.has(need)) : undefined
      if (open !== undefined) path.push(open)
      else {
        known.set(
          at,
          status ? needStateOf(status, (need) => known.get(need) ?? 'unknown') : archivedState(context, at),
        )
        path.pop()
      }
    }
  }
  const stateOf = (id: string): NeedState => {
    if (!known.has(id)) resolve(id)
    return known.get(id) ?? 'unknown'
  }
  return stateOf
}

function archivedState(context: Context, id: string): NeedState {
  try {
    return reload(context.paths, id)?.status.state ?? 'unknown'
  } catch (error) {
    // A damaged task that is needed blocks the one that needs it; it is reported under its own name.
    if (error instanceof Failure) return 'unknown'
    throw error
  }
}
