/**
 * Sends a message to a task's worker: a hook hands it over between two steps, or the next prompt has it. To a task that
 * asks it is the answer, and the task goes on.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { inboxOf, unreadIn } from '../state/mailbox.ts'
import { type Draft, type Message, messageName, newMessageId } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { idPattern } from '../state/paths.ts'
import { answerTo } from '../state/questions.ts'
import { type Receipt, receiptOf } from '../state/receipts.ts'
import type { MessageFront } from '../state/schema/message.ts'
import type { Asked } from '../state/schema/status.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import { remark } from './advance.ts'
import { answerDraft, askedBy, chosen, goOnAnswered, whose } from './answer.ts'
import type { Context } from './context.ts'
import { dispatch } from './dispatch.ts'
import { hooksWork } from './hook-marks.ts'
import { settle } from './settle.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { checkTexts } from './texts.ts'

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
  /** What the worker asked beside what was answered now, and waits for next. */
  readonly asksNext: string | null
}

export interface Letter {
  /** Its id; null: one of its own. */
  readonly id: string | null
  readonly from: MessageFront['from']
  /** A worker that works is ended for it and goes on with it. */
  readonly urgent: boolean
  /** An answer may be none of the options. */
  readonly free: boolean
  /** It answers nothing, although the task asks. */
  readonly note: boolean
}

/** @param read gives the text */
export async function send(
  context: Context,
  task: string,
  letter: Letter,
  read: () => Promise<string>,
): Promise<Sent> {
  if (letter.id !== null) checkMessageId(letter.id)
  const before = refuseLate(loadTask(context.paths, task))
  // A worker speaks for itself, not for those who are asked.
  const asked = letter.note || letter.from === 'worker' ? null : askedBy(before)
  const text = await read()
  // It begins an attempt.
  if (asked) checkTexts(context)
  if (!asked) refuseSecondAnswer(before, letter)
  // It may have ended while the text was read.
  const to = refuseLate(loadTask(context.paths, task))
  const draft = draftOf(before, asked, letter, text)
  const { id, kind } = draft
  const name = messageName(id)
  const posted = post(to.paths, draft)
  if (posted === 'other' && asked) throw answered(to, answerTo(to.paths, asked.id))
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
  if (asked) await setGoing(context, after, letter, text, created)
  else if (created) remark(context, after, 'message', `queued: ${id} (${kind} from ${letter.from})`)
  // A worker whose runner is gone is not watched: whoever settles ends it.
  if (kind === 'urgent' && isOwned(after.status)) await settle(context)
  const receipt = receiptOf(after.paths, after.status.attempt, name)
  const asksNext = asked && nextQuestion(loadTask(context.paths, task), asked)
  return { task: after, id, created, kind, ...receipt, hooks: hooksWork(context, after), asksNext }
}

const nextQuestion = (task: Task, answered: Asked): string | null =>
  (askedBy(task)?.id ?? answered.id) === answered.id ? null : task.status.question

/** What an option stands for is decided when it is sent: the question that the sender has seen is the one that counts. */
function draftOf(task: Task, asked: Asked | null, letter: Letter, text: string): Draft {
  const { from, urgent, free } = letter
  if (!asked) return { id: letter.id ?? newMessageId(), from, kind: urgent ? 'urgent' : 'note', text }
  if (letter.id === null) return answerDraft(asked, from, chosen(asked, text, free, task.id))
  throw new Failure('bad-id', `${task.id} asks, and an answer is known by its question; it has no --id`, {
    hint: 'Leave --id out (the same answer again changes nothing), or say --note: it is no answer.',
  })
}

/** Here, or by its runner, or by whoever settles next, should we die now. */
async function setGoing(
  context: Context,
  task: Task,
  { from }: Letter,
  text: string,
  created: boolean,
): Promise<void> {
  if (created) remark(context, task, 'question', `answered by ${whose(from)}: ${oneLine(text, 300)}`)
  if (!(await goOnAnswered(context, task.id))) return
  await dispatch(context)
  // It left when the last task began to wait.
  await ensureSupervisor(context)
}

/**
 * Two who saw the question answer it, and the second comes when the first is done. While the answer is on its way, what
 * is not said to be something else is taken for another.
 */
function refuseSecondAnswer(task: Task, { id, from, urgent, note }: Letter): void {
  if (note || urgent || id !== null || from === 'worker') return
  const answer = unreadIn(inboxOf(task.paths)).find(({ kind, re }) => kind === 'answer' && re !== undefined)
  if (answer) throw answered(task, answer)
}

function answered({ id }: Task, answer: Message | undefined): Failure {
  const by = answer ? ` by ${whose(answer.from)}: ${oneLine(answer.text, 500)}` : ''
  return new Failure('answered-already', `The question of ${id} was answered already${by}`, {
    hint: 'That answer counts. For a message beside it add --note.',
    next: [`dirigent status ${id}`],
  })
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
