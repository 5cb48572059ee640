/** How the tasks that others need stand: live ones from the list, ended ones from the archive. */

import { Failure } from '../kit/errors.ts'
import type { NeedState } from '../rules/capacity.ts'
import { reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'

export function needStates(context: Context, tasks: readonly Task[]): (id: string) => NeedState {
  const known = new Map<string, NeedState>(tasks.map((task) => [task.id, task.status.state]))
  return (id) => {
    const have = known.get(id)
    if (have) return have
    const state = archivedState(context, id)
    known.set(id, state)
    return state
  }
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
