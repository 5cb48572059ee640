/** A worker asks: its question is filed in the outbox, once however often it is asked, and waits there for its answer. */
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import { findMessage, outboxOf, postTo } from '../state/mailbox.ts'
import type { Message } from '../state/message-file.ts'
import {
  answerTo,
  forgetPutAway,
  mostOptions,
  optionLimit,
  questionId,
  questionLimit,
} from '../state/questions.ts'
import type { Speech } from './message-text.ts'
import { ownTask } from './own-task.ts'

export const asking: Speech = {
  verb: 'dirigent ask',
  how: 'dirigent ask TEXT, dirigent ask --file FILE, or - for stdin',
  limit: questionLimit,
}

export interface Choices {
  readonly options: readonly string[]
  readonly default: string | null
  /** Milliseconds from now; then the default is the answer. */
  readonly by: number | null
}

export interface AskedOnce {
  readonly task: string
  readonly id: string
  /** The one that was given already; the question is not asked again then. */
  readonly answer: Message | null
  /** The default is the answer then. */
  readonly by: string | null
}

export async function ask(read: () => Promise<string>, choices: Choices): Promise<AskedOnce> {
  checkChoices(choices)
  const { task } = await ownTask('ask')
  const text = await read()
  const id = questionId(text)
  const answer = answerTo(task.paths, id)
  if (answer) return { task: task.id, id, answer, by: null }
  // Put away because the task was begun again without an answer: what it offers, and until when, is said anew.
  forgetPutAway(task.paths, id)
  const box = outboxOf(task.paths)
  const by = choices.by === null ? null : new Date(Date.now() + choices.by).toISOString()
  const posted = postTo(box, {
    id,
    from: 'worker',
    kind: 'question',
    ...(choices.options.length > 0 ? { options: [...choices.options] } : {}),
    ...(choices.default === null ? {} : { default: choices.default }),
    ...(by === null ? {} : { by }),
    text,
  })
  if (posted === 'gone' || posted === 'other')
    throw new Failure('corrupt-file', `${task.paths.outbox} cannot take the question`, {
      hint: 'Decide yourself, and write down what you assumed.',
    })
  // Asked a second time, it is as it was asked first.
  return { task: task.id, id, answer: null, by: findMessage(box, id)?.by ?? null }
}

function checkChoices({ options, default: fallback, by }: Choices): void {
  const bad = (message: string) =>
    new Failure('usage', message, { hint: 'Type dirigent ask "Red or blue?" --option red --option blue.' })
  if (options.length > mostOptions)
    throw bad(`--option is given ${options.length} times; at most ${mostOptions}`)
  for (const option of [...options, ...(fallback === null ? [] : [fallback])])
    if (option !== oneLine(option, optionLimit) || option === '')
      throw bad(`${JSON.stringify(option.slice(0, 80))} is not one line of at most ${optionLimit} characters`)
  if (fallback !== null && options.length > 0 && !options.includes(fallback))
    throw bad(`--default ${JSON.stringify(fallback)} is none of the options`)
  if (by !== null && fallback === null) throw bad('--by needs a --default: it is the answer then')
}
