/** What the worker said is read when it was shown in full: moved to outbox/seen, so that it is news only once. */
import { markSeen, outboxOf } from '../state/mailbox.ts'
import type { Message } from '../state/message-file.ts'
import type { Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { isWorker } from './own-task.ts'

/** Not by a worker: it is meant for others. A question is read when it is answered. */
export function markRead(context: Context, task: Task, shown: readonly Message[]): void {
  if (isWorker(context)) return
  markSeen(
    outboxOf(task.paths),
    shown.filter(({ kind }) => kind !== 'question'),
  )
}
