/** Asks for another attempt instead of the one that runs; carried out by its runner, or by who settles without one. */
import { createFileOnce } from '../kit/files.ts'
import { recordText } from '../state/record.ts'
import type { StopRequest } from '../state/schema/attempt.ts'
import type { Task } from '../state/tasks.ts'
import { remark } from './advance.ts'
import { type Context, now } from './context.ts'
import { clearRestart, requestFor } from './runner/interrupt.ts'

/** A request that stands already, a person's above all, stays. @returns whether it was asked now */
export function requestRestart(
  context: Context,
  task: Task,
  wish: Omit<NonNullable<StopRequest['restart']>, 'attempt'>,
  by = 'supervisor',
): boolean {
  if (requestFor(task)) return false
  clearRestart(task.paths)
  const restart = { attempt: task.status.attempt, ...wish }
  const request: StopRequest = { version: 1, at: now(), cancel: false, by, restart }
  if (!createFileOnce(task.paths.stop, recordText(request))) return false
  remark(context, task, 'stop', `another attempt asked for by the ${by}: ${wish.message}`)
  return true
}
