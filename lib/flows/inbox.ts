/** A worker reads its mail: what is unread, oldest first, in full. */
import { appendLine } from '../kit/append.ts'
import { inboxOf, markSeen, messagesIn, unreadIn } from '../state/mailbox.ts'
import type { Message } from '../state/message-file.ts'
import { withQuestions } from '../state/messages.ts'
import { ownTask } from './own-task.ts'

export interface Mail {
  readonly task: string
  readonly messages: ReturnType<typeof withQuestions>
  /** So many more are unread, for the next call. */
  readonly left: number
  /** To be called when they have been printed: who dies before leaves them unread. */
  markRead(): void
}

/** Bytes in one answer; one message is always given whole. */
const mostBytes = 32 * 1024

export async function readInbox(): Promise<Mail> {
  const { task } = await ownTask('inbox')
  const box = inboxOf(task.paths)
  const messages: Message[] = []
  let size = 0
  for (const message of unreadIn(box, 20)) {
    size += Buffer.byteLength(message.text)
    if (size > mostBytes && messages.length > 0) break
    messages.push(message)
  }
  return {
    task: task.id,
    messages: withQuestions(task.paths, messages),
    left: messagesIn(box.unread).length - messages.length,
    markRead() {
      // Before the move: whoever sees it then looks here for how the worker came by it.
      const { inboxRead } = task.paths.attempt(task.status.attempt)
      for (const { name } of messages) appendLine(inboxRead, name, { durable: false })
      markSeen(box, messages)
    },
  }
}
