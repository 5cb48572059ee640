/** What the worker asks: shown in status.json while it still runs, and what its attempt ends with. */

import { sawChange } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'
import { failureToTell } from '../../rules/retry.ts'
import type { Message } from '../../state/message-file.ts'
import { askedOf, openQuestions } from '../../state/questions.ts'
import type { AttemptExit } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Status } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { advance, amend } from '../advance.ts'
import { afterAnswer } from '../answer.ts'
import type { Context } from '../context.ts'
import { clearRestart } from './interrupt.ts'

const none = { question: null, asked: null } as const

/** Gives a look, and the task as it is after it. */
export function watchQuestions({ paths }: Task): (task: Task) => Task {
  const changed = sawChange([paths.outbox, paths.inbox, paths.inboxSeen])
  return (task) => {
    if (!changed()) return task
    const [open] = openQuestions(task.paths)
    if (open?.id === task.status.asked?.id) return task
    return amend(task, open ? askedOf(open) : none)
  }
}

/**
 * Gives a look: has the worker gone on for too long after it had asked? Told to end its turn, it may poll for the
 * answer for ever, and holds a place meanwhile; its default would not count either.
 */
export function watchFarewell({ config }: Context): (task: Task) => boolean {
  const { minutes, grace_minutes } = config.stall
  let open: { readonly id: string; readonly since: number } | null = null
  return ({ status }) => {
    const id = status.asked?.id
    if (id === undefined) open = null
    else if (open?.id !== id) open = { id, since: Date.now() }
    return open !== null && minutes > 0 && Date.now() - open.since >= grace_minutes * 60_000
  }
}

export const overstayed: TaskFailure = {
  class: 'stalled',
  message: 'it went on after it had asked, and was ended so that it can be answered',
  retryable: true,
  retry_at: null,
  detail: null,
}

/** A question that the attempt leaves open, when the task is to wait for its answer whatever ended the attempt. */
export function leftOpen(task: Task, { failure }: AttemptExit): Message | null {
  // An urgent message is told first; it may be the answer.
  const waits = failure === null || (failure.retryable && failure.class !== 'interrupted')
  return (waits && openQuestions(task.paths)[0]) || null
}

/** Not a try: the worker did what it was told to. What it left stays in its worktree as it is. */
export function waitForAnswer(
  context: Context,
  task: Task,
  question: Message,
  { failure }: AttemptExit,
  patch: Partial<Status>,
): Task {
  const moved = advance(context, task, 'waiting', `asks: ${oneLine(question.text, 200)}`, {
    ...patch,
    ...askedOf(question),
    failure: failure ? failureToTell(task.status, failure) : task.status.failure,
    lost: 0,
    runner: null,
    worker: null,
    activity: null,
  })
  clearRestart(moved.paths)
  // Who answered before this was written has left it to us.
  return afterAnswer(context, moved)
}

/** Who stops a task can answer it later; its question does not set it going by itself. */
export function keptQuestion(task: Task, { failure }: AttemptExit): Partial<Status> {
  const [open] = failure?.class === 'stopped' ? openQuestions(task.paths) : []
  if (!open) return none
  const { question, asked } = askedOf(open)
  return { question, asked: { ...asked, by: null } }
}
