/** Sends a message to a task's worker: a hook hands it over between two steps, or the next prompt has it. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { messageName, newMessageId } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { idPattern } from '../state/paths.ts'
import { type Receipt, receiptOf } from '../state/receipts.ts'
import type { MessageFront } from '../state/schema/message.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import { remark } from './advance.ts'
import type { Context } from './context.ts'
import { hooksWork } from './hook-marks.ts'
import { settle } from './settle.ts'

export interface Sent {
  readonly task: Task
  /** The receipt: sending with it again changes nothing. */
  readonly id: string
  readonly path: string
  /** False when this very message was there before. */
  readonly created: boolean
  readonly kind: MessageFront['kind']
  readonly receipt: Receipt
  /** The worker is told in the middle of its turn; null: perhaps. */
  readonly hooks: boolean | null
}

export interface Letter {
  /** Its id; null: one of its own. */
  readonly id: string | null
  readonly from: MessageFront['from']
  /** A worker that works is ended for it and goes on with it. */
  readonly urgent: boolean
}

/** @param read gives the text */
export async function send(
  context: Context,
  task: string,
  letter: Letter,
  read: () => Promise<string>,
): Promise<Sent> {
  if (letter.id !== null) checkMessageId(letter.id)
  refuseLate(loadTask(context.paths, task))
  const text = await read()
  const id = letter.id ?? newMessageId()
  const name = messageName(id)
  // It may have ended while the text was read.
  const to = refuseLate(loadTask(context.paths, task))
  const kind = letter.urgent ? 'urgent' : 'note'
  const posted = post(to.paths, { id, from: letter.from, kind, text })
  if (posted === 'other') {
    throw new Failure('id-taken', `${task} has had a message ${id} already, with another text or kind`, {
      hint: 'Choose another --id, or leave it out.',
    })
  }
  const after = loadTask(context.paths, task)
  if (posted === 'posted' && isLate(after)) rmSync(join(after.paths.inbox, name), { force: true })
  if (posted !== 'known') refuseLate(after)
  if (posted === 'gone')
    throw new Failure('corrupt-file', `${after.paths.directory} is not a directory`, {
      hint: 'Move it away.',
    })
  const created = posted === 'posted'
  if (created) remark(context, after, 'message', `queued: ${id} (${kind} from ${letter.from})`)
  // A worker whose runner is gone is not watched: whoever settles ends it.
  if (kind === 'urgent' && isOwned(after.status)) await settle(context)
  const receipt = receiptOf(after.paths, after.status.attempt, name)
  return { task: after, id, created, kind, ...receipt, hooks: hooksWork(after) }
}

/** Who may be said to speak. */
export const senders = ['orchestrator', 'person', 'supervisor'] as const

function checkMessageId(id: string): void {
  if (idPattern.test(id)) return
  throw new Failure('bad-id', `${JSON.stringify(id.slice(0, 80))} is not the id of a message`, {
    hint: 'An id has lower-case letters, digits and dashes, begins with a letter or digit, and has at most 63 characters.',
  })
}

/** Ended, or with its change on the way: no worker of it would read any more (`runner/mail.ts`). */
const isLate = ({ status }: Task): boolean => isEnded(status) || status.state === 'landing'

function refuseLate(task: Task): Task {
  if (!isLate(task)) return task
  throw new Failure(
    'illegal-transition',
    `${task.id} is ${task.status.state}; nobody would read the message`,
    {
      hint: 'Spawn a new task.',
      next: [`dirigent status ${task.id}`],
    },
  )
}
