/**
 * Makes the files agree with the world before a verb goes on: a task in a runner's hands whose run.lock
 * is free was lost, and is taken up again from what its files and its worktree say. Ended tasks are
 * moved to the archive. Every verb calls this first, so nothing depends on a daemon.
 */
import { Failure, reasonOf } from '../kit/errors.ts'
import { isLocked, type Lock, lockTable, tryLock } from '../kit/lock.ts'
import { findMarked, isRunning, sweepMarked } from '../kit/sweep.ts'
import { markerName } from '../rules/environment.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { mostLost } from '../rules/retry.ts'
import { type BrokenTask, listTasks, reload, type Task } from '../state/tasks.ts'
import { advance, amend, flag, trail } from './advance.ts'
import { type Context, isHere, trustRepository } from './context.ts'
import { decide, dispatch, startRunner } from './dispatch.ts'
import { cleanUp } from './runner/clean-up.ts'
import { markerOf } from './runner/marker.ts'

export interface Observed {
  readonly tasks: readonly Task[]
  readonly broken: readonly BrokenTask[]
  /** Tasks whose run.lock somebody held. */
  readonly alive: ReadonlySet<string>
  /** Tasks found lost, as they were found. */
  readonly lost: readonly Task[]
  /** Settling changed something, so `tasks` is how it was before. */
  readonly changed: boolean
}

/** Up to so many locks are asked for one by one; each takes 2 ms. */
const fewLocks = 5

/** Looks, changing nothing. */
export async function observe(context: Context): Promise<Observed> {
  const { tasks, broken } = listTasks(context.paths)
  const owned = tasks.filter((task) => isOwned(task.status))
  const table = owned.length > fewLocks ? lockTable() : undefined
  const alive = new Set<string>()
  const lost: Task[] = []
  for (const task of owned) {
    if (await isLocked(task.paths.runLock, table)) alive.add(task.id)
    else {
      // It may have ended between the two looks.
      const again = reload(context.paths, task.id)
      if (again && isOwned(again.status) && !(await isLocked(again.paths.runLock))) lost.push(again)
    }
  }
  return { tasks, broken, alive, lost, changed: false }
}

/** Takes up what was lost, archives what has ended, starts what became ready. */
export async function settle(context: Context): Promise<Observed> {
  const seen = await observe(context)
  for (const task of seen.tasks) {
    if (isEnded(task.status)) await putAway(context, task)
    else if (seen.alive.has(task.id)) await freeLeakedLock(task)
  }
  const startable = decide(context, seen.tasks).start.length > 0
  if (seen.lost.length === 0 && !startable) {
    return { ...seen, changed: seen.tasks.some((task) => isEnded(task.status)) }
  }
  await trustRepository(context, seen.alive.size > 0)
  for (const task of seen.lost) await takeUp(context, task.id)
  if (startable) await dispatch(context)
  return { ...seen, changed: true }
}

/** An ended task whose runner died before it had cleaned up. Nobody else may be at it. */
async function putAway(context: Context, task: Task): Promise<void> {
  const held = await tryLock(task.paths.runLock)
  if (!held) return
  try {
    const current = reload(context.paths, task.id)
    if (!current || current.paths.directory !== task.paths.directory) return
    if (current.status.workplace) await trustRepository(context, true)
    await cleanUp(context, current)
  } catch (error) {
    // What git cannot read or the system will not remove stays where it is, and says so; it must not keep
    // anybody from the other tasks. A disk that is full or read-only concerns them all.
    if (error instanceof Failure && ['disk-full', 'state-read-only'].includes(error.code)) throw error
    const current = reload(context.paths, task.id)
    if (current) flag(context, current, `could not be cleaned up: ${reasonOf(error)}`)
  } finally {
    held.close()
  }
}

/**
 * A lost task continues where its files say it was: its runner is started again and finds out. Whoever
 * takes the lock first does it.
 */
async function takeUp(context: Context, id: string): Promise<void> {
  const held = await tryLock(context.paths.task(id).runLock)
  if (!held) return
  try {
    await takeUpUnder(context, id, held)
  } finally {
    held.close()
  }
}

async function takeUpUnder(context: Context, id: string, held: Lock): Promise<void> {
  const task = reload(context.paths, id)
  if (!task || !isOwned(task.status)) return
  await sweepMarked(markerName, markerOf(task), 1000)
  const lost = task.status.lost + 1
  if (lost >= mostLost) {
    advance(
      context,
      task,
      'failed',
      `lost ${lost} times in a row while ${task.status.state}: its runner keeps dying`,
      { lost, runner: null, worker: null, activity: null },
    )
    return
  }
  trail(
    context,
    task,
    'note',
    `found ${task.status.state} with a free run.lock: its runner is gone; taking it up again`,
  )
  await startRunner(context, amend(task, { lost }), held)
}

/**
 * The lock is held, but neither runner nor worker lives: something the worker left behind inherited the
 * descriptor. It is ended, which frees the lock.
 */
async function freeLeakedLock(task: Task): Promise<void> {
  const { runner, worker } = task.status
  if (!runner || !isHere(runner) || isRunning(runner.pid)) return
  const marked = findMarked(markerName, markerOf(task))
  if (worker && marked.includes(worker.pid)) return
  if (marked.length > 0) await sweepMarked(markerName, markerOf(task), 1000)
}

/** For verbs that only read: a state directory that cannot be written is observed, not settled. */
export async function settleIfWritable(
  context: Context,
): Promise<Observed & { readonly notice: string | null }> {
  try {
    return { ...(await settle(context)), notice: null }
  } catch (error) {
    if (!(error instanceof Failure) || !['state-read-only', 'disk-full', 'lock-busy'].includes(error.code))
      throw error
    return { ...(await observe(context)), notice: error.message }
  }
}
