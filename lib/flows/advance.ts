/**
 * Changes a task's decided state: checks the transition, writes status.json, then the trail. Only the
 * holder of the task's run.lock may call this; that is what makes status.json have one writer. A holder that
 * somebody else has followed is refused with `stale-epoch` (`state/owner.ts`).
 */
import { checkTransition } from '../rules/lifecycle.ts'
import { record } from '../state/journal.ts'
import { changeStatus, checkOwner } from '../state/owner.ts'
import type { Event } from '../state/schema/event.ts'
import type { State, Status } from '../state/schema/status.ts'
import type { Task } from '../state/tasks.ts'
import { type Context, now } from './context.ts'

/** Moves to another state. Throws `illegal-transition` and changes nothing when that is not allowed. */
export function advance(
  context: Context,
  task: Task,
  to: State,
  reason: string | null,
  patch: Partial<Status> = {},
): Task {
  checkTransition(task.status, to)
  const moved = changeStatus(task, (seen) => ({ ...seen, ...patch, state: to, reason, since: now() }))
  const { attempt } = moved.status
  remark(context, task, 'state', reason ?? '', { from: task.status.state, to, attempt })
  return moved
}

/** Changes fields without a transition. `durable: false` for activity, which is only a hint. */
export function amend(task: Task, patch: Partial<Status>, options = { durable: true }): Task {
  return changeStatus(task, (seen) => ({ ...seen, ...patch }), options)
}

type More = Partial<Pick<Event, 'from' | 'to' | 'attempt' | 'outbox'>>

/** Adds a line to the task's trail and to the feed, as its owner. */
export function trail(
  context: Context,
  task: Task,
  type: Event['type'],
  text: string,
  more: More = {},
): void {
  checkOwner(task)
  remark(context, task, type, text, more)
}

/** Adds a line although somebody else owns the task: what was asked of the owner. */
export function remark(
  context: Context,
  task: Task,
  type: Event['type'],
  text: string,
  more: More = {},
): void {
  record(context.paths, task.paths, {
    at: now(),
    task: task.id,
    type,
    attempt: task.status.attempt,
    ...more,
    text: text.slice(0, 2000),
  })
}

/** A thing a person should know although the task goes on: in the status, once, and in the trail. */
export function flag(context: Context, task: Task, text: string): Task {
  if (task.status.flags.includes(text)) return task
  trail(context, task, 'flag', text)
  return amend(task, { flags: [...task.status.flags, text].slice(-10) })
}
