/** Ends the live attempt, or takes a resting task out of the queue; with cancel, ends the task. */
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../kit/errors.ts'
import { isLocked, tryLock } from '../kit/lock.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { writeRecord } from '../state/record.ts'
import type { StopRequest } from '../state/schema/attempt.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import { advance, amend, remark } from './advance.ts'
import { type Context, now, trustRepository } from './context.ts'
import { dispatch } from './dispatch.ts'
import { cleanUp } from './runner/clean-up.ts'
import { clearStop } from './runner/interrupt.ts'
import { settle } from './settle.ts'
import { isAlone } from './survivors.ts'

/** A worker gets its grace three times, checks are killed at once; beyond this something is wrong. */
const patience = 60_000

export async function stop(context: Context, id: string, cancel: boolean, by: string): Promise<Task> {
  loadTask(context.paths, id)
  // A lost attempt is taken up first: what it had done, a landing even, is found out by a runner.
  await settleFor(context, id)
  const task = loadTask(context.paths, id)
  if (isEnded(task.status)) {
    throw new Failure('illegal-transition', `${id} is ${task.status.state} already`, {
      hint: 'There is nothing to stop.',
      next: [`dirigent status ${id}`],
    })
  }
  if (isOwned(task.status))
    await endAttempt(context, task, { version: 1, at: now(), cancel, by, restart: null })
  const after = reload(context.paths, id) ?? task
  const settled =
    isEnded(after.status) || (after.status.state === 'waiting' && !cancel && !after.status.asked?.by)
      ? after
      : await rest(context, id, cancel, by)
  await dispatch(context)
  return settled
}

/** A task that cannot be taken up (something else is in a file's place) cannot be stopped: that is said at once. */
async function settleFor(context: Context, id: string): Promise<void> {
  const { broken } = await settle(context)
  const own = broken.find((task) => task.id === id)
  if (own) throw own.failure
}

/**
 * Asks the runner. Where the runner is gone and its worker lives on, settling ends the worker, and a runner takes
 * the task up, finds out how it stands and the request to stop.
 */
async function endAttempt(context: Context, task: Task, request: StopRequest): Promise<void> {
  writeRecord(task.paths.stop, request)
  remark(context, task, 'stop', `${request.cancel ? 'cancel' : 'stop'} asked for by ${request.by}`)
  const giveUp = Date.now() + patience
  while (true) {
    const current = reload(context.paths, task.id)
    if (!current) return
    const locked = await isLocked(current.paths.runLock)
    // Until the lock is free: a task that has ended is still being put away.
    if (!locked && !isOwned(current.status)) return
    if (Date.now() > giveUp) {
      throw new Failure('timed-out', `${task.id} has been asked to stop and has not yet`, {
        hint: `The request stands. Look again: dirigent status ${task.id}`,
        retryable: true,
      })
    }
    if (!locked || isAlone(current)) await settleFor(context, task.id)
    await delay(50)
  }
}

/** Its question stays, for whoever answers it; it does not set the task going by itself any more. */
function stillWaiting(task: Task): Task {
  const { asked, epoch } = task.status
  return asked?.by ? amend(task, { epoch: epoch + 1, asked: { ...asked, by: null } }) : task
}

/** Nobody owns it now: it is put to rest, or ended, here. */
async function rest(context: Context, id: string, cancel: boolean, by: string): Promise<Task> {
  await trustRepository(context, () => true)
  const held = await tryLock(loadTask(context.paths, id).paths.runLock, 5000)
  if (!held)
    throw new Failure('lock-busy', `${id} was started again meanwhile`, {
      hint: `Repeat: dirigent stop ${id}`,
      retryable: true,
    })
  try {
    const task = loadTask(context.paths, id)
    clearStop(task.paths)
    if (isEnded(task.status)) return task
    const epoch = task.status.epoch + 1
    const clear = { epoch, runner: null, worker: null, activity: null, not_before: null, change: null }
    if (cancel)
      return await cleanUp(context, advance(context, task, 'cancelled', `cancelled by ${by}`, clear))
    if (task.status.state === 'waiting') return stillWaiting(task)
    return advance(context, task, 'waiting', `stopped by ${by}; respawn goes on from there`, clear)
  } finally {
    await held.unlock()
  }
}
