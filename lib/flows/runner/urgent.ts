/**
 * Urgent messages: the worker is ended for one, and the next attempt goes on with its thread. They are told with a
 * prompt alone, never by a hook: one that is handed over while the worker is ended would have been told to nobody.
 */
import { sawChange } from '../../kit/read.ts'
import { inboxOf, unreadIn } from '../../state/mailbox.ts'
import type { Message } from '../../state/message-file.ts'
import { readTold } from '../../state/receipts.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Task } from '../../state/tasks.ts'

export type Urgent = Message

/** Gives a look: an unread urgent message that the attempt's prompt does not have, or null. */
export function urgentMail({ paths, status }: Task): () => Urgent | null {
  const box = inboxOf(paths)
  const told = new Set(readTold(paths, status.attempt).messages.map(({ sha256 }) => sha256))
  const changed = sawChange([box.unread])
  return () => {
    if (!changed()) return null
    return unreadIn(box).find(({ kind, sha256 }) => kind === 'urgent' && !told.has(sha256)) ?? null
  }
}

export function interrupted({ name, from }: Urgent): TaskFailure {
  const message = `interrupted for an urgent message of the ${from}'s (${name}); going on with it`
  return { class: 'interrupted', message, retryable: true, retry_at: null, detail: null }
}
