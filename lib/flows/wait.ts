/** Blocks, at no cost to the caller, until something needs it or nothing is under way. */
import { Failure } from '../kit/errors.ts'
import { isLocked } from '../kit/lock.ts'
import { watchPaths } from '../kit/watch.ts'
import { attentionOf, isUnderWay } from '../rules/attention.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { listTasks, loadTask, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { decide } from './dispatch.ts'
import { needStates } from './needs.ts'
import { settle } from './settle.ts'

export interface Waited {
  readonly outcome: 'attention' | 'settled' | 'timed-out'
  /** The tasks waited for, as they stand; ended ones too when they were named. */
  readonly tasks: readonly Task[]
  readonly attention: ReadonlyMap<string, string>
  readonly underWay: readonly string[]
  /** Queued task → why it waits. */
  readonly blocked: ReadonlyMap<string, string>
}

/** How often at most a wait asks for every lock; milliseconds. */
const settleEvery = 2000

/**
 * @param ids tasks to wait for; empty: every live one
 * @param timeout milliseconds
 */
export async function wait(
  context: Context,
  ids: readonly string[],
  until: 'attention' | 'settled',
  timeout: number,
): Promise<Waited> {
  for (const id of ids) loadTask(context.paths, id)
  const watch = await watchPaths([context.paths.feed])
  const giveUp = Date.now() + timeout
  let settleAt = 0
  // Tasks that end while we wait are archived; they are still reported.
  const known = new Set(ids)
  try {
    while (true) {
      // Losses are looked for now and then; news is looked at when it comes.
      if (Date.now() >= settleAt) {
        await settle(context)
        settleAt = Date.now() + settleEvery
      }
      let now = await look(context, ids, known)
      // Ended, and whoever was to put it away is gone: that is done before the wait is over.
      if (now.leftBehind) {
        await settle(context)
        now = await look(context, ids, known)
      }
      if (until === 'attention' && now.attention.size > 0) return { ...now, outcome: 'attention' }
      if (now.underWay.length === 0)
        return { ...now, outcome: now.attention.size > 0 ? 'attention' : 'settled' }
      const left = giveUp - Date.now()
      if (left <= 0) return { ...now, outcome: 'timed-out' }
      await watch.changed(left)
    }
  } finally {
    await watch.close()
  }
}

async function look(
  context: Context,
  ids: readonly string[],
  known: Set<string>,
): Promise<Omit<Waited, 'outcome'> & { readonly leftBehind: boolean }> {
  const { tasks: live, broken } = listTasks(context.paths)
  if (ids.length === 0) for (const task of live) known.add(task.id)
  const tasks = [...known]
    .map((id) => live.find((task) => task.id === id) ?? archived(context, id))
    .filter((task) => task !== null)
  const needState = needStates(context, live)
  const attention = new Map<string, string>()
  for (const task of tasks) {
    const why = attentionOf(task.status, needState)
    if (why) attention.set(task.id, why)
  }
  for (const task of broken)
    if (ids.length === 0 || ids.includes(task.id)) attention.set(task.id, task.failure.message)
  const underWay = tasks.filter((task) => isUnderWay(task.status, needState)).map((task) => task.id)
  let leftBehind = false
  for (const task of tasks.filter(({ status }) => isEnded(status))) {
    if (!live.includes(task)) continue
    // Ended and not in the archive: it is being put away, as long as somebody is at it.
    if (await isLocked(task.paths.runLock)) underWay.push(task.id)
    else leftBehind = true
  }
  return { tasks, attention, underWay, leftBehind, blocked: decide(context, live).blocked }
}

function archived(context: Context, id: string): Task | null {
  try {
    return loadTask(context.paths, id)
  } catch (error) {
    // Damaged since we first saw it: listed as broken instead.
    if (error instanceof Failure && error.code !== 'task-not-found') return null
    throw error
  }
}
