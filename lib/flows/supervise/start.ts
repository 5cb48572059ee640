/**
 * Starts the supervisor when there is none. The lock is taken here and handed down, so of any number of callers one
 * starts it. Who calls goes on whatever comes of it.
 */
import { narrate } from '../../kit/cli.ts'
import { errno, Failure, reasonOf } from '../../kit/errors.ts'
import { type Lock, tryLock } from '../../kit/lock.ts'
import { isUnderWay } from '../../rules/attention.ts'
import type { Task } from '../../state/tasks.ts'
import type { Context } from '../context.ts'
import { needStates } from '../needs.ts'
import { startWithLock } from '../own-process.ts'

/** For whoever has just started something, or leaves something that somebody is to be told of. */
export async function ensureSupervisor(context: Context): Promise<void> {
  const { config, paths } = context
  if (!config.supervise.auto) return
  try {
    const held = await tryLock(paths.supervisorLock)
    if (held) await handOver(context, held)
  } catch (error) {
    // What the caller was to do is done; the next one tries again.
    if (!(error instanceof Failure) && errno(error) === undefined) throw error
    sayOnce(`note: no supervisor could be started: ${reasonOf(error)}`)
  }
}

/** To a supervisor that begins now, with the lock in its hands. */
export async function handOver(context: Context, held: Lock): Promise<void> {
  const { paths, repo } = context
  await startWithLock(context, 'supervise', ['--repo', repo.main], paths.supervisorLog, held)
}

/** For whoever only looks: one that has nothing to do would look, too, and leave, at each verb that is typed. */
export async function keepSupervised(context: Context, tasks: readonly Task[]): Promise<void> {
  if (!context.config.supervise.auto) return
  if (anyUnderWay(context, tasks) || timesAhead(tasks).length > 0) await ensureSupervisor(context)
}

export function anyUnderWay(context: Context, tasks: readonly Task[]): boolean {
  const needState = needStates(context, tasks)
  return tasks.some(({ status }) => isUnderWay(status, needState))
}

/** Ends of the tasks' own pauses, and times at which a question answers itself: those to come. */
export function timesAhead(tasks: readonly Task[]): Date[] {
  const times = tasks.map(({ status }) => (status.state === 'queued' ? status.not_before : status.asked?.by))
  return times.flatMap((time) => (time && Date.parse(time) > Date.now() ? [new Date(time)] : []))
}

let said = ''

/** A `wait` tries again every two seconds. */
function sayOnce(text: string): void {
  if (said !== text) narrate(text)
  said = text
}
