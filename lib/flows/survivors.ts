/**
 * A task whose run.lock is held although its runner is gone: its worker goes on by itself, which it may, within its
 * budget and until it is told to stop; or something that it left behind has inherited the lock. Nobody watches
 * either but the verbs: each of them looks, and ends what must not go on.
 */
import { lutimesSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { findProcess, isGone, isRunning, signal } from '../kit/pid.ts'
import { lookAt } from '../kit/read.ts'
import { endThese, findAll } from '../kit/sweep.ts'
import { plural } from '../kit/text.ts'
import { reload, type Task } from '../state/tasks.ts'
import { remark } from './advance.ts'
import type { Context } from './context.ts'
import { spent } from './runner/attend.ts'
import { endWhenSpent } from './runner/day.ts'
import { requestFor } from './runner/interrupt.ts'
import { markOf } from './runner/marker.ts'
import { replayStream } from './runner/stream.ts'
import { ownUsage, sessionUsage } from './runner/thread.ts'
import { urgentMail } from './runner/urgent.ts'
import { workerOf as kindOf } from './worker.ts'

/** Certainly without a runner. A runner that cannot be seen from here (another machine, say) may live. */
export const isAlone = (task: Task): boolean => task.status.runner !== null && isGone(task.status.runner)

/**
 * Ends the worker when it has to end, and what holds the lock without a worker.
 * @returns whether something was ended: the task can be taken up now
 */
export async function endSurvivors(context: Context, task: Task): Promise<boolean> {
  const first = findOld(context, task)
  const worker = workerOf(task, first)
  if (worker !== null) endWhenSpent(context, task)
  const why = worker === null ? 'its runner and its worker are gone' : whyEnd(context, task)
  if (first.length === 0 || why === null) return false
  const grace = context.config.stop_grace_seconds * 1000
  if (worker !== null) await askToEnd(worker, grace)
  let ended = 0
  for (let pids = first; pids.length > 0 && ended < most; pids = findOld(context, task)) {
    await endThese(pids, markOf(task), worker === null ? 1000 : grace)
    ended += pids.length
  }
  if (worker !== null) noteEnd(task)
  remark(context, task, 'swept', `ended ${plural(ended, 'process')} that went on without a runner: ${why}`)
  return true
}

/** What breeds faster than it is ended is left to whoever takes the task up, in one blow. */
const most = 1000

/**
 * Processes of the attempt from before anybody took the task up again. We do not hold the lock, so somebody may, as
 * soon as it is free; a new runner says so before it starts anything.
 */
function findOld(context: Context, task: Task): number[] {
  const pids = findAll(markOf(task))
  const now = reload(context.paths, task.id)?.status
  const same = now?.epoch === task.status.epoch && now.runner?.started === task.status.runner?.started
  return same ? pids : []
}

/** Its pid, when it lives: a process with that pid that carries the mark, too. */
function workerOf(task: Task, marked: readonly number[]): number | null {
  const { runner, worker } = task.status
  if (!runner || !worker) return null
  const pid = findProcess({ ...runner, pid: worker.pid, ticks: null })
  return typeof pid === 'number' && marked.includes(pid) ? pid : null
}

function whyEnd(context: Context, task: Task): string | null {
  const request = requestFor(task)
  if (request) return request.restart?.message ?? 'it was asked to stop'
  const { worker } = task.status
  if (!worker) return null
  if (urgentMail(task)()) return 'an urgent message came'
  const kind = kindOf(context, task)
  // Where its events count what it uses, its session file does not.
  const usage = kind.countsThread
    ? worker.thread && sessionUsage(kind, worker.thread)
    : replayStream(task.paths.attempt(task.status.attempt).stream, 0, kind.events()).usage
  return spent(
    task,
    ownUsage(kind, task, worker.thread, usage || null),
    Date.now() - Date.parse(worker.started),
  )
}

/** SIGINT lets a worker finish its session file. */
async function askToEnd(worker: number, grace: number): Promise<void> {
  signal(worker, 'SIGINT')
  // One that was stopped hears it when it goes on.
  signal(worker, 'SIGCONT')
  for (const giveUp = Date.now() + grace; isRunning(worker) && Date.now() < giveUp; ) await delay(20)
}

/** Its end was seen, so the time until now is its own: whoever concludes the attempt reads it from its stream. */
function noteEnd(task: Task): void {
  const { stream } = task.paths.attempt(task.status.attempt)
  const now = new Date()
  // The worker could remove it.
  if (lookAt(stream)) lutimesSync(stream, now, now)
}
