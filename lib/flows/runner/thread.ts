/**
 * The worker's own thread: whether an attempt can go on with it, and what earlier attempts used of it. The thread and
 * its figures are the worker program's; what each attempt was found to have used is in our exit.json.
 */

import { Failure } from '../../kit/errors.ts'
import { readRecord } from '../../state/record.ts'
import { type AttemptExit, exit } from '../../state/schema/attempt.ts'
import { attemptsUpTo } from '../../state/shape.ts'
import type { Task } from '../../state/tasks.ts'
import { addUsage, attemptUsage, type Usage } from '../../tools/workers/usage.ts'
import type { Session, WorkerKind } from '../../tools/workers/worker.ts'
import type { Context } from '../context.ts'
import { workerOf } from '../worker.ts'

/** The thread again when the next attempt can go on with it: it is known and small; otherwise null. */
export function resumable(context: Context, task: Task, thread: string | null): string | null {
  if (thread === null) return null
  const session = sessionOf(workerOf(context, task), thread)
  const size = session?.context ?? null
  return size !== null && size <= context.config.resume.max_tokens ? thread : null
}

/** What the session file says, for a turn whose end nobody heard. Of the whole thread. */
export const sessionUsage = (worker: WorkerKind, thread: string): Usage | null =>
  sessionOf(worker, thread)?.usage ?? null

/** What the last turn of a thread used, which of a copy is all that it used itself. */
export const turnUsage = (worker: WorkerKind, thread: string): Usage | null =>
  sessionOf(worker, thread)?.turn ?? null

/** What this attempt used, given the total that was counted. */
export function ownUsage(worker: WorkerKind, task: Task, thread: string | null, total: Usage | null): Usage {
  return attemptUsage(total, worker.countsThread && thread !== null ? usedBefore(task, thread) : null)
}

/** What attempts before the newest used of a thread; null when none went on with it. */
export function usedBefore(task: Task, thread: string): Usage | null {
  let used: Usage | null = null
  for (const n of attemptsUpTo(task.paths, task.status.attempt - 1)) {
    const ended = exitOf(task, n)
    if (ended?.thread === thread) used = used === null ? ended.usage : addUsage(used, ended.usage)
  }
  return used
}

/** How an attempt ended; null while it has not, or when the worker has spoilt the file. */
export function exitOf({ paths }: Pick<Task, 'paths'>, n: number): AttemptExit | null {
  try {
    return readRecord(paths.attempt(n).exit, exit) ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** Of 16 MiB each: a worker can make its session file as long as it likes. */
const mostReads = 64

function sessionOf(
  worker: WorkerKind,
  thread: string,
): (Pick<Session, 'turn' | 'context'> & { readonly usage: Usage | null }) | null {
  const session = worker.session(thread)
  if (session === null) return null
  let usage = session.read()
  for (let reads = 1; session.more && reads < mostReads; reads++) usage = session.read()
  if (session.more) return null
  return { usage, turn: session.turn, context: session.context }
}
