/** Records what went wrong and moves the task where that leads (`rules/retry.ts`). */
import { afterFailure, failureToTell } from '../../rules/retry.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Status } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { advance, amend } from '../advance.ts'
import type { Context } from '../context.ts'
import { clearRestart, clearStop, type Interrupt } from './interrupt.ts'

/** @param patch what else changes with the transition */
export function fail(
  context: Context,
  task: Task,
  failure: TaskFailure,
  interrupt: Interrupt | null,
  patch: Partial<Status> = {},
): Task {
  // Told to end by a bare signal (a shutdown) once the worker is done: whoever takes it up goes on from here.
  if (failure.class === 'lost' && interrupt?.signal.aborted && task.status.state !== 'running')
    return amend(task, { runner: null, activity: null })
  const cancel = interrupt?.cause()?.request?.cancel ?? false
  const next = afterFailure(task.status, failure, cancel, new Date())
  const flags = failure.class === 'day-budget' ? flagged(task, failure) : task.status.flags
  const moved = advance(context, task, next.state, next.reason, {
    resume: null,
    ...patch,
    tries: next.tries,
    lost: next.lost,
    flags,
    limited: next.limited,
    mailed: mailedBy(task.status, failure, next.tries),
    not_before: next.not_before,
    failure: next.state === 'failed' ? failure : failureToTell(task.status, failure),
    runner: null,
    worker: null,
    activity: null,
  })
  if (failure.class === 'stopped') clearStop(moved.paths)
  else clearRestart(moved.paths)
  return moved
}

function mailedBy({ mailed, tries }: Status, failure: TaskFailure, triesNow: number): number {
  if (failure.class === 'interrupted') return mailed + 1
  return triesNow > tries ? 0 : mailed
}

/** Nobody is asked, and somebody may want to raise it. */
function flagged({ status }: Task, { message }: TaskFailure): string[] {
  return status.flags.includes(message) ? status.flags : [...status.flags, message].slice(-10)
}
