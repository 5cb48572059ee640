/**
 * What follows the answer to a worker's question: the task goes on. Who answers posts the answer first; from then on
 * whoever comes by finds the task waiting for what it has, and sets it going: the runner that ends, the sender, or
 * any verb that settles. One that nobody has answered in time is answered by its own default.
 */
import { Failure } from '../kit/errors.ts'
import { tryLock } from '../kit/lock.ts'
import { clean, oneLine } from '../kit/text.ts'
import { answersOf } from '../rules/attention.ts'
import { mostMailed } from '../rules/retry.ts'
import type { Draft } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { answerId, answerTo, askedOf, openQuestions, putQuestionAway } from '../state/questions.ts'
import type { MessageFront } from '../state/schema/message.ts'
import type { Asked } from '../state/schema/status.ts'
import { reload, type Task } from '../state/tasks.ts'
import { advance, amend, remark, trail } from './advance.ts'
import type { Context } from './context.ts'
import { exitOf, resumable } from './runner/thread.ts'

/** The question that a task shows and that nobody has answered; its text is `status.question`. */
export function askedBy({ status, paths }: Task): Asked | null {
  return status.asked && !answerTo(paths, status.asked.id) ? status.asked : null
}

/** Its question is told with it (`withQuestions`): a worker that begins anew does not know that it asked. */
export function answerDraft(asked: Asked, from: MessageFront['from'], answer: string): Draft {
  const before = from === 'default' ? 'Nobody has answered in time, so your default holds' : 'The answer'
  return { id: answerId(asked.id), from, kind: 'answer', re: asked.id, text: `${before}: ${answer.trim()}` }
}

/** The option that is meant, as it was offered. Throws `no-option`. @param free it may be none of them */
export function chosen(asked: Asked, answer: string, free: boolean, task: string): string {
  const { options } = asked
  const same = (text: string) => text.trim().toLowerCase()
  const option = options.find((one) => same(one) === same(answer))
  if (option !== undefined || free || options.length === 0) return option ?? answer
  throw new Failure('no-option', `${task} asked for one of: ${options.join(' · ')}`, {
    hint: 'Give one of them as it stands, add --free for another answer, or --note for a message that is none.',
    next: answersOf(asked).map((one) => `dirigent send ${task} ${one}`),
  })
}

/** For whoever has posted an answer, or finds one. True when the task goes on now: `dispatch` is next. */
export async function goOnAnswered(context: Context, id: string): Promise<boolean> {
  // Its runner has it: it looks for an answer once it has written that it waits.
  if (reload(context.paths, id)?.status.state !== 'waiting') return false
  const held = await tryLock(context.paths.task(id).runLock, 10_000)
  if (!held) return false
  try {
    const task = reload(context.paths, id)
    if (task?.status.state !== 'waiting' || !task.status.asked) return false
    const taken = answerTo(task.paths, task.status.asked.id)
      ? amend(task, { epoch: task.status.epoch + 1 })
      : task
    return afterAnswer(context, taken).status.state === 'queued'
  } finally {
    await held.unlock()
  }
}

/** Under run.lock, of a task that waits: goes on when its question is answered; its next question comes first. */
export function afterAnswer(context: Context, task: Task): Task {
  const { asked, attempt } = task.status
  const answer = asked && answerTo(task.paths, asked.id)
  if (!answer) return task
  putQuestionAway(task.paths, asked.id)
  const [next] = openQuestions(task.paths)
  if (next) {
    trail(context, task, 'question', `the next one: ${oneLine(next.text, 300)}`)
    return amend(task, askedOf(next))
  }
  const byDefault = `nobody answered its question in time; its default was taken: ${asked.default}`
  if (answer.from === 'default') trail(context, task, 'flag', byDefault)
  return advance(context, task, 'queued', `its question was answered by ${whose(answer.from)}`, {
    question: null,
    asked: null,
    resume: resumable(context, task, exitOf(task, attempt)?.thread ?? null),
    flags: answer.from === 'default' ? [...task.status.flags, byDefault].slice(-10) : task.status.flags,
    not_before: null,
    mailed: answer.from === 'default' ? task.status.mailed + 1 : task.status.mailed,
    lost: 0,
  })
}

export const whose = (from: MessageFront['from']): string =>
  from === 'default' ? 'its own default' : `the ${from}`

/** Sets going what waits for an answer that is there, or whose time has come. True when something goes on. */
export async function settleQuestions(context: Context, tasks: readonly Task[]): Promise<boolean> {
  let any = false
  for (const task of tasks) {
    if (task.status.state !== 'waiting' || !task.status.asked) continue
    if (askedBy(task) && !takeDefault(context, task)) continue
    any = (await goOnAnswered(context, task.id)) || any
  }
  return any
}

/** False while there is none, or its time has not come. Somebody's answer may come first all the same. */
function takeDefault(context: Context, task: Task): boolean {
  const { asked, mailed } = task.status
  // One that asks again and again, and answers itself, waits for somebody.
  if (mailed + 1 >= mostMailed) return false
  if (!asked || asked.default === null || asked.by === null || Date.parse(asked.by) > Date.now()) return false
  const posted = post(task.paths, answerDraft(asked, 'default', asked.default))
  if (posted === 'posted')
    remark(context, task, 'question', `answered by its own default: ${clean(asked.default)}`)
  return posted !== 'gone'
}
