/**
 * The supervisor: one pass after the other, woken by the feed, by the nearest time at which something is due, and now
 * and then in any case. It adds timeliness and nothing else: every verb settles, and one that is killed is missed by
 * the clock alone. There is one for each repository; it leaves when nothing is under way.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { narrate } from '../kit/cli.ts'
import { Failure } from '../kit/errors.ts'
import { inheritedLock, isInherited, isInPlace, type Lock, tryLock } from '../kit/lock.ts'
import { type Watch, watchPaths } from '../kit/watch.ts'
import { readConfig } from '../state/config.ts'
import { type Context, now } from './context.ts'
import { shortenLogs } from './own-process.ts'
import { observe } from './settle.ts'
import { Build } from './supervise/build.ts'
import { type Passed, pass } from './supervise/pass.ts'
import { untilTold } from './supervise/person.ts'
import { anyUnderWay, handOver } from './supervise/start.ts'

export interface Supervised {
  /**
   * Somebody else does it · one pass was made · nothing is left to do · its lock or directory has gone away · one of a
   * newer build does it.
   */
  readonly outcome: 'already' | 'once' | 'idle' | 'displaced' | 'rebuilt'
  readonly did: readonly string[]
  readonly trouble: readonly string[]
}

export async function supervise(context: Context, once: boolean): Promise<Supervised> {
  const build = new Build(isInherited(context.paths.supervisorLock, 3))
  const first = await takeLock(context)
  if (!first) return ended('already')
  if (once) return await onePass(context, first)
  sayWhichSignal()
  tell(`supervising ${context.repo.main}, pid ${process.pid}`)
  for (let held: Lock | undefined = first; held; held = await tryLock(context.paths.supervisorLock)) {
    const outcome = await watchOver(context, held, build)
    for (const line of await untilTold()) tell(line)
    if (outcome === 'rebuilt') {
      await handOver(context, held)
      return ended(outcome)
    }
    await held.unlock()
    // Who queued a task between our last look and now found the lock held, and started nobody.
    if (outcome === 'displaced' || !anyUnderWay(context, (await observe(context)).tasks)) {
      return ended(outcome)
    }
  }
  return ended('already')
}

const ended = (outcome: Supervised['outcome']): Supervised => ({ outcome, did: [], trouble: [] })

/** The verb that started us may have handed it down. */
async function takeLock({ paths }: Context): Promise<Lock | undefined> {
  const path = paths.supervisorLock
  return isInherited(path, 3) ? await inheritedLock(path, 3) : await tryLock(path)
}

async function onePass(context: Context, held: Lock): Promise<Supervised> {
  try {
    const { did, trouble } = await pass(context)
    return {
      outcome: 'once',
      did: [...did, ...(await untilTold())],
      trouble: [...trouble].map(([where, why]) => `${where}: ${why}`),
    }
  } finally {
    await held.unlock()
  }
}

/** Then it has its way, in the middle of whatever is under way: the next one goes on from the files. */
function sayWhichSignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      tell(`${signal}; leaving`)
      process.kill(process.pid, signal)
    })
}

/** Milliseconds. */
const shortestPause = 250

async function watchOver(
  begun: Context,
  held: Lock,
  build: Build,
): Promise<'idle' | 'displaced' | 'rebuilt'> {
  const { paths } = begun
  const troubles = new Troubles()
  const watch = await watchPaths([paths.feed, paths.config, paths.coolDown], longestPoll)
  let context = begun
  try {
    while (isInPlace(held)) {
      if (build.isSucceeded()) return 'rebuilt'
      shortenLogs(paths)
      const settings = await freshSettings(context)
      context = settings.context
      const began = Date.now()
      const passed = await pass(context)
      for (const line of passed.did) tell(line)
      troubles.tell(new Map([...settings.trouble, ...build.trouble(), ...passed.trouble]))
      if (passed.idle) return 'idle'
      // However much happens, most of the time is left to those who work.
      await delay(Math.max(shortestPause, 4 * (Date.now() - began)))
      await untilDue(watch, passed, context.config.supervise.every_seconds * 1000)
    }
    return 'displaced'
  } finally {
    await watch.close()
  }
}

/** Polling is ours here: how often is a setting that may change. */
const longestPoll = 2 ** 31 - 1

async function untilDue(watch: Watch, { next }: Passed, every: number): Promise<void> {
  const ahead = next === null ? every : next.getTime() - Date.now()
  await watch.changed(Math.max(0, Math.min(every, ahead)))
}

/** Settings that cannot be read leave those that were read last. */
async function freshSettings(
  context: Context,
): Promise<{ readonly context: Context; readonly trouble: readonly [string, string][] }> {
  try {
    return { context: { ...context, config: await readConfig(context.paths) }, trouble: [] }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { context, trouble: [['settings', `${error.message}; the settings from before go on`]] }
  }
}

/** Says each trouble when it begins, and not again while it lasts. */
class Troubles {
  #known: ReadonlyMap<string, string> = new Map()

  tell(met: ReadonlyMap<string, string>): void {
    for (const [where, why] of met) if (this.#known.get(where) !== why) tell(`${where}: ${why}`)
    this.#known = met
  }
}

const tell = (line: string): void => narrate(`${now()} ${line}`)
