/** How the tasks that others need stand: live ones from the list, ended ones from the archive. */

import { Failure } from '../kit/errors.ts'
import { type NeedState, needStateOf } from '../rules/capacity.ts'
import { reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'

export function needStates(context: Context, tasks: readonly Task[]): (id: string) => NeedState {
  const live = new Map(tasks.map((task) => [task.id, task.status]))
  const known = new Map<string, NeedState>()
  const stateOf = (id: string): NeedState => {
    const have = known.get(id)
    if (have) return have
    const status = live.get(id)
    // First as it is, so that a circle (spawn refuses them) comes to an end.
    known.set(id, status?.state ?? 'unknown')
    const state = status ? needStateOf(status, stateOf) : archivedState(context, id)
    known.set(id, state)
    return state
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
