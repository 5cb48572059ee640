/**
 * Questions of a task's worker, and their answers. A question is a message in the outbox; its answer is one in the
 * inbox whose id follows from the question's, so that of two who answer one succeeds, and a question that was
 * answered is known as that whoever died in between. Moving it to outbox/seen is tidiness.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { clean, head, oneLine } from '../kit/text.ts'
import { findMessage, inboxOf, moveAway, outboxOf, read, syncIfThere } from './mailbox.ts'
import { identity, type Message, messageName } from './message-file.ts'
import type { TaskPaths } from './paths.ts'
import type { Asked } from './schema/status.ts'

/** Bytes of a question, characters of one option, and how many options there are at most. */
export const questionLimit = 4096
export const optionLimit = 200
export const mostOptions = 12

/** The same question has the same id. */
export const questionId = (text: string): string => `question-${identity('question', text).slice(0, 12)}`

/** A worker may have named its question as it liked. */
export const answerId = (question: string): string =>
  `answer-${createHash('sha256').update(question).digest('hex').slice(0, 12)}`

export const answerTo = (task: TaskPaths, question: string): Message | undefined =>
  findMessage(inboxOf(task), answerId(question))

/** What nobody has answered yet, oldest first. */
export function openQuestions(task: TaskPaths): Message[] {
  const box = outboxOf(task)
  return read(box.unread, box.from, questionsFirst)
    .filter(({ id, kind }) => kind === 'question' && !answerTo(task, id))
    .sort((a, b) => a.written - b.written)
}

/** However much else a worker says, its questions are found. */
function questionsFirst(names: readonly string[]): string[] {
  const ours = (name: string) => name.startsWith('question-')
  return [...names.filter(ours).slice(0, most), ...names.filter((name) => !ours(name)).slice(-most)]
}

const most = 100

/** Nobody waits for its answer any more: it was given, or the task goes on without. */
export function putQuestionAway(task: TaskPaths, id: string): void {
  const { outbox, outboxSeen } = task
  if (moveAway(join(outbox, messageName(id)), join(outboxSeen, messageName(id))))
    for (const directory of [outboxSeen, outbox]) syncIfThere(directory)
}

/** So that it can be asked once more. */
export function forgetPutAway(task: TaskPaths, id: string): void {
  rmSync(join(task.outboxSeen, messageName(id)), { recursive: true, force: true })
}

/** As it stands in status.json: bounded, and nothing in it acts on a terminal. */
export function askedOf({ id, text, options, default: fallback, by }: Message): {
  readonly question: string
  readonly asked: Asked
} {
  const short = (option: string) => oneLine(option, optionLimit)
  const until = by === undefined ? '' : new Date(by).toISOString()
  return {
    question: head(clean(text).trim(), questionLimit) || '(a question without words)',
    asked: {
      id,
      options: (options ?? []).slice(0, mostOptions).map(short),
      default: fallback === undefined ? null : short(fallback),
      // A year of five digits is no time that we know.
      by: until.length === '2026-01-01T00:00:00.000Z'.length ? until : null,
    },
  }
}
