/**
 * Makes the files agree with the world before a verb goes on: a task in a runner's hands whose run.lock
 * is free was lost, and is taken up again from what its files and its worktree say. Ended tasks are
 * moved to the archive. Every verb calls this first, so nothing depends on a daemon.
 */
import { diskTrouble } from '../kit/disk.ts'
import { type Code, Failure, reasonOf } from '../kit/errors.ts'
import { handsDown, isLocked, type Lock, lockTable, tryLock, tryLockPastLooks } from '../kit/lock.ts'
import { lookAt } from '../kit/read.ts'
import { sweep } from '../kit/sweep.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { mostLost } from '../rules/retry.ts'
import { type BrokenTask, listTasks, reload, type Task } from '../state/tasks.ts'
import { advance, amend, flag, trail } from './advance.ts'
import { settleQuestions } from './answer.ts'
import { type Context, trustRepository } from './context.ts'
import { decide, dispatch, startRunner } from './dispatch.ts'
import { isSpared } from './outage.ts'
import { cleanUp } from './runner/clean-up.ts'
import { markOf } from './runner/marker.ts'
import { ensureSupervisor, keepSupervised } from './supervise/start.ts'
import { endSurvivors, isAlone } from './survivors.ts'
import { tidy, tidyLost } from './tidy.ts'

export interface Observed {
  readonly tasks: readonly Task[]
  readonly broken: readonly BrokenTask[]
  /** Tasks whose run.lock somebody held. */
  readonly alive: ReadonlySet<string>
  /** Those of them whose runner is gone: its worker, or something it left behind, has the lock. */
  readonly alone: ReadonlySet<string>
  /** Tasks found lost, as they were found. */
  readonly lost: readonly Task[]
  /** Tasks started by settling. */
  readonly started: readonly string[]
  /** Settling changed something, so `tasks` is how it was before. */
  readonly changed: boolean
}

/**
 * A worker lives, or what one did before it was lost has not been looked at: a change of .git/config may be its work. Of a
 * task that cannot be read nobody knows: its worker may have seen to that.
 */
export const areWorkersAbout = ({
  alive,
  lost,
  broken,
}: Pick<Observed, 'alive' | 'lost' | 'broken'>): boolean =>
  alive.size > 0 || lost.length > 0 || broken.length > 0

/** Up to so many locks are asked for one by one, all at the same time; each is a process. */
const fewLocks = 5

/** Looks, changing nothing. */
export async function observe(context: Context): Promise<Observed> {
  const { tasks, broken } = listTasks(context.paths)
  const owned = tasks.filter((task) => isOwned(task.status))
  const table = owned.length > fewLocks ? lockTable() : undefined
  const looks = await Promise.all(owned.map((task) => look(context, task, table)))
  const idsOf = (...kinds: Look['is'][]) =>
    new Set(looks.filter(({ is }) => kinds.includes(is)).map(({ task }) => task.id))
  const unreadable = idsOf('broken')
  return {
    tasks: tasks.filter(({ id }) => !unreadable.has(id)),
    broken: [...broken, ...looks.flatMap((one) => (one.is === 'broken' ? [one.task] : []))],
    alive: idsOf('alive', 'alone'),
    alone: idsOf('alone'),
    lost: looks.flatMap((one) => (one.is === 'lost' ? [one.task] : [])),
    started: [],
    changed: false,
  }
}

/** What is known of a task in a runner's hands by its lock. */
type Look =
  | { readonly is: 'alive' | 'alone' | 'ended'; readonly task: Task }
  /** As it was found. */
  | { readonly is: 'lost'; readonly task: Task }
  | { readonly is: 'broken'; readonly task: BrokenTask }

async function look(context: Context, task: Task, table?: ReadonlySet<string>): Promise<Look> {
  try {
    if (await isLocked(task.paths.runLock, table)) return { is: isAlone(task) ? 'alone' : 'alive', task }
    if (isOnItsWay(task)) return { is: 'alive', task }
    // It may have ended between the two looks.
    const again = reload(context.paths, task.id)
    const isLost = again && isOwned(again.status) && !(await isLocked(again.paths.runLock))
    return isLost ? { is: 'lost', task: again } : { is: 'ended', task }
  } catch (error) {
    return { is: 'broken', task: brokenBy(task, error) }
  }
}

/** Milliseconds that a runner has from being started to having its lock; a dead one keeps it as long. */
const longestStart = 10_000

/**
 * A lock that cannot be handed down is free while the runner starts that is to take it. Taken up then, it would come
 * too late, and so would the next one.
 */
function isOnItsWay({ paths }: Task): boolean {
  const decided = handsDown(paths.runLock) ? undefined : lookAt(paths.status)?.mtimeMs
  return decided !== undefined && Math.abs(Date.now() - decided) < longestStart
}

/** What stands in the place of a file of one task must not keep anybody from the others. */
function brokenBy(task: Task, error: unknown): BrokenTask {
  if (error instanceof Failure && contained.includes(error.code))
    return { id: task.id, paths: task.paths, failure: error }
  throw error
}

/** Failures that are one task's own; a disk that is full concerns them all. */
const contained: readonly Code[] = ['corrupt-file', 'unknown-version', 'state-read-only']

/** What every verb does first. Whatever goes on is not left to the next verb alone: the supervisor looks on. */
export async function settle(context: Context): Promise<Observed> {
  const settled = await settleTasks(context)
  if (settled.lost.length > 0 || settled.started.length > 0) await ensureSupervisor(context)
  else await keepSupervised(context, settled.tasks)
  return settled
}

/** Takes up what was lost, archives what has ended, starts what became ready. */
export async function settleTasks(context: Context): Promise<Observed> {
  const seen = await observe(context)
  tidy(context, seen.tasks)
  const lost = [...seen.lost]
  for (const task of seen.tasks) {
    if (isEnded(task.status)) await putAway(context, task)
    else if (seen.alone.has(task.id) && (await endSurvivors(context, task))) lost.push(task)
  }
  const answered = await settleQuestions(context, seen.tasks)
  const startable = answered || decide(context, seen.tasks).start.length > 0
  if (lost.length === 0 && !startable) {
    return { ...seen, changed: seen.tasks.some((task) => isEnded(task.status)) }
  }
  await trustRepository(context, () => areWorkersAbout({ ...seen, lost }))
  const broken = [...seen.broken]
  for (const task of lost) {
    try {
      await takeUp(context, task.id)
    } catch (error) {
      if (error instanceof Failure && error.code === 'state-read-only') throw error
      // Somebody else was faster, and goes on with it.
      if (error instanceof Failure && error.code === 'stale-epoch') continue
      broken.push(brokenBy(task, error))
    }
  }
  const started = startable ? (await dispatch(context)).started : []
  return { ...seen, broken, lost, started, changed: true }
}

/** An ended task whose runner died before it had cleaned up. Nobody else may be at it. */
export async function putAway(context: Context, task: Task): Promise<void> {
  const held = await lockToPutAway(context, task)
  if (!held) return
  try {
    const current = reload(context.paths, task.id)
    if (!current || current.paths.directory !== task.paths.directory) return
    if (current.status.workplace) await trustRepository(context, () => true)
    await cleanUp(context, current)
  } catch (error) {
    // What git cannot read or the system will not remove stays where it is, and says so; it must not keep
    // anybody from the other tasks. A disk that is full, failing or read-only concerns them all.
    if (diskTrouble(error) || (error instanceof Failure && error.code === 'state-read-only')) throw error
    const current = reload(context.paths, task.id)
    if (current) flag(context, current, `could not be cleaned up: ${reasonOf(error)}`)
  } finally {
    held.close()
  }
}

/** Undefined also when something that cannot be locked stands in the lock's place: the task says so, and stays. */
async function lockToPutAway(context: Context, task: Task): Promise<Lock | undefined> {
  try {
    return await tryLock(task.paths.runLock)
  } catch (error) {
    flag(context, task, `could not be cleaned up: ${brokenBy(task, error).failure.message}`)
    return undefined
  }
}

/**
 * A lost task continues where its files say it was: its runner is started again and finds out. Whoever
 * takes the lock first does it.
 */
export async function takeUp(context: Context, id: string): Promise<void> {
  const held = (await tryLockPastLooks(context.paths.task(id).runLock)) ?? (await wrested(context, id))
  if (!held) return
  try {
    await takeUpUnder(context, id, held)
  } finally {
    held.close()
  }
}

/** Something that a worker left behind can share the lock: it looks free then, and is not to be had. */
async function wrested(context: Context, id: string): Promise<Lock | undefined> {
  const task = reload(context.paths, id)
  if (!task || !isAlone(task) || !(await endSurvivors(context, task))) return undefined
  return await tryLock(context.paths.task(id).runLock)
}

async function takeUpUnder(context: Context, id: string, held: Lock): Promise<void> {
  const task = reload(context.paths, id)
  // Somebody else may have taken it up since we looked.
  if (!task || !isOwned(task.status) || isOnItsWay(task)) return
  // First of all: should its runner live after all (its lock replaced, say), it is late from now on.
  const taken = amend(task, { epoch: task.status.epoch + 1 })
  await sweep(markOf(taken), 1000)
  tidyLost(context, taken)
  await continueLost(context, taken, isSpared(context.paths, task) ? 0 : 1, held)
}

/** @param counts how much this loss does */
async function continueLost(context: Context, task: Task, counts: 0 | 1, held: Lock): Promise<void> {
  const lost = task.status.lost + counts
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

/** For verbs that only read: a state directory that cannot be written is observed, not settled. */
export async function settleIfWritable(
  context: Context,
): Promise<Observed & { readonly notice: string | null }> {
  try {
    return { ...(await settle(context)), notice: null }
  } catch (error) {
    const known = error instanceof Failure ? error : diskTrouble(error)
    if (!known || !['state-read-only', 'disk-full', 'disk-failed', 'lock-busy'].includes(known.code))
      throw error
    return { ...(await observe(context)), notice: known.message }
  }
}
