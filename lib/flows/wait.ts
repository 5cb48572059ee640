/**
 * Blocks, at no cost to the caller, until something needs it or nothing is under way. With a cursor only what is
 * new since counts. It consumes nothing: cut at any time, the same cursor gives the same news.
 */
import { closeSync, constants, lutimesSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { diskFailure } from '../kit/disk.ts'
import { Failure } from '../kit/errors.ts'
import { openOwn } from '../kit/files.ts'
import { isLocked, type Lock, tryLock } from '../kit/lock.ts'
import { watchPaths } from '../kit/watch.ts'
import { attentionOf, isUnderWay } from '../rules/attention.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { readCursor } from '../state/cursor.ts'
import { listTasks, loadTask, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { decide } from './dispatch.ts'
import { needStates } from './needs.ts'
import { Listener, type News } from './news.ts'
import { settle } from './settle.ts'
import { loadIfWhole } from './wait-tasks.ts'

export interface Waited {
  readonly outcome: 'attention' | 'settled' | 'timed-out'
  /** As they were given: for the command to go on with. */
  readonly ids: readonly string[]
  /** Null: there was no cursor, so all of it counts. */
  readonly news: News | null
  readonly cursor: string
  /** The tasks waited for, as they stand; ended ones too when they were named, or ended meanwhile. */
  readonly tasks: readonly Task[]
  readonly attention: ReadonlyMap<string, string>
  /** Those that need somebody and were not waited for: whoever waits is the only one that is told of them. */
  readonly others: readonly string[]
  readonly messages: News['messages']
  readonly underWay: readonly string[]
  /** Queued task → why it waits. */
  readonly blocked: ReadonlyMap<string, string>
}

export interface Wait {
  readonly until: 'attention' | 'settled'
  /** What an earlier wait ended with; null: everything counts. */
  readonly since: string | null
  /** Milliseconds. */
  readonly timeout: number
}

/** How often at most a wait asks for every lock; milliseconds. */
const settleEvery = 2000
/** How often the feed is looked at where no event tells of it; milliseconds. */
const pollEvery = 200
/** When a line of the feed is on its way; milliseconds. */
const soon = 20

/** @param ids tasks to wait for; empty: every live one */
export async function wait(context: Context, ids: readonly string[], asked: Wait): Promise<Waited> {
  const from = asked.since === null ? null : readCursor(asked.since)
  for (const id of ids) loadTask(context.paths, id)
  const watch = await watchPaths([context.paths.feed], pollEvery)
  const listener = new Listener(context, from, ids)
  const giveUp = Date.now() + asked.timeout
  let settleAt = 0
  let listening: Lock | undefined
  // Tasks that end while we wait are archived; they are still reported.
  const known = new Set(ids)
  try {
    while (true) {
      // Losses are looked for now and then; news is looked at when it comes.
      if (Date.now() >= settleAt) {
        listening ??= await listen(context)
        await settle(context)
        settleAt = Date.now() + settleEvery
      }
      let now = await look(context, ids, known, listener)
      // Ended, and whoever was to put it away is gone: that is done before the wait is over.
      if (now.leftBehind) {
        await settle(context)
        now = await look(context, ids, known, listener)
      }
      const outcome = outcomeOf(now, asked, giveUp)
      if (outcome !== null && !now.news.ahead) {
        if (listening) noteListened(context)
        return {
          ...now,
          ids,
          outcome,
          news: from && now.news,
          cursor: now.news.cursor,
          messages: now.news.messages,
        }
      }
      if (now.news.ahead) await delay(soon)
      else
        do await watch.changed(Math.max(0, Math.min(giveUp, settleAt) - Date.now()))
        while (!listener.feed.changed() && Date.now() < Math.min(giveUp, settleAt))
    }
  } finally {
    listening?.close()
    await watch.close()
  }
}

function outcomeOf(
  { news, attention, underWay }: Look,
  { until }: Wait,
  giveUp: number,
): Waited['outcome'] | null {
  if (until === 'attention' && news.attention.size > 0) return 'attention'
  if (underWay.length === 0) return attention.size > 0 ? 'attention' : 'settled'
  return Date.now() >= giveUp ? 'timed-out' : null
}

/** Undefined while another wait has the lock: one is enough. It is a help to others, so nothing fails for its sake. */
async function listen(context: Context): Promise<Lock | undefined> {
  try {
    return await tryLock(context.paths.listenLock)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** Until now whatever happened was heard: nobody needs to be woken for it. */
function noteListened({ paths }: Context): void {
  const now = new Date()
  try {
    // Locks of the other family leave the file itself alone.
    closeSync(openOwn(paths.listenLock, constants.O_WRONLY))
    lutimesSync(paths.listenLock, now, now)
  } catch (error) {
    // It is a help to others: a disk that is full, failing or read-only fails no wait for its sake.
    if (!(diskFailure(error, paths.listenLock) instanceof Failure)) throw error
  }
}

type Look = Pick<Waited, 'tasks' | 'attention' | 'others' | 'underWay' | 'blocked'> & {
  readonly news: News
  readonly leftBehind: boolean
}

async function look(
  context: Context,
  ids: readonly string[],
  known: Set<string>,
  listener: Listener,
): Promise<Look> {
  for (const task of listener.hear()) known.add(task.id)
  const { tasks: live, broken } = listTasks(context.paths)
  if (ids.length === 0) for (const task of live) known.add(task.id)
  const tasks = [...known]
    .map((id) => live.find((task) => task.id === id) ?? loadIfWhole(context, id))
    .filter((task) => task !== null)
  const needState = needStates(context, live)
  const attention = new Map<string, string>()
  for (const task of tasks) {
    const why = attentionOf(task.status, needState)
    if (why) attention.set(task.id, why)
  }
  for (const task of broken)
    if (ids.length === 0 || ids.includes(task.id)) attention.set(task.id, task.failure.message)
  const others = [...live.filter(({ status }) => attentionOf(status, needState) !== null), ...broken]
    .map(({ id }) => id)
    .filter((id) => !attention.has(id))
  const underWay = tasks.filter((task) => isUnderWay(task.status, needState)).map((task) => task.id)
  let leftBehind = false
  for (const task of tasks.filter(({ status }) => isEnded(status))) {
    if (!live.includes(task)) continue
    // Ended and not in the archive: it is being put away, as long as somebody is at it.
    if (await isLocked(task.paths.runLock)) underWay.push(task.id)
    else leftBehind = true
  }
  const news = listener.news({ live, broken, attention })
  return { tasks, attention, others, underWay, leftBehind, blocked: decide(context, live).blocked, news }
}
