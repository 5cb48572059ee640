/**
 * Messages that came while a worker worked: it is told them in another attempt, before anything lands. With
 * `send`, which refuses a task that lands, this makes "accepted" mean "told": a sender who did not see `landing`
 * had written its message before we look.
 */
import { plural } from '../../kit/text.ts'
import { mostMailed, tooMuchMail } from '../../rules/retry.ts'
import { idOf } from '../../state/message-file.ts'
import { deliverable, expireRemarks } from '../../state/messages.ts'
import type { Task } from '../../state/tasks.ts'
import { advance, trail } from '../advance.ts'
import type { Context } from '../context.ts'
import { exitOf, resumable } from './thread.ts'

/** The task on its way to be told, or null when there is nothing to tell. */
export function backForMail(context: Context, task: Task): Task | null {
  dropRemarks(context, task, task.status.attempt + 1)
  const mail = deliverable(task.paths, task.status.attempt + 1)
  if (mail.length === 0) return null
  const why = `${plural(mail.length, 'message')} came while it worked; another attempt is told`
  // What is said to the worker's own question, or in haste, is said to the thread that it is about.
  const direct = mail.some(({ kind }) => kind === 'answer' || kind === 'urgent')
  const thread = exitOf(task, task.status.attempt)?.thread ?? null
  const mailed = task.status.mailed + 1
  const tooMuch = mailed >= mostMailed
  return advance(context, task, tooMuch ? 'failed' : 'queued', tooMuch ? tooMuchMail(why) : why, {
    mailed,
    resume: direct ? resumable(context, task, thread) : null,
    runner: null,
    worker: null,
    activity: null,
  })
}

/** What the supervisor said about attempts before `n`, too late for them. */
export function dropRemarks(context: Context, task: Task, n: number): void {
  for (const name of expireRemarks(task.paths, n))
    trail(context, task, 'message', `expired unread: ${idOf(name)}`)
}
