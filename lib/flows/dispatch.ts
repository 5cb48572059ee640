/**
 * Starts whatever is ready, within capacity. The run.lock is taken here, `running` is written under it,
 * and the locked descriptor is handed to the runner: from the decision to the runner's end the lock is
 * never free, so a task is never started twice and a runner that dies at birth is seen as lost.
 */
import { Failure } from '../kit/errors.ts'
import { type Lock, tryLockPastLooks, withLock } from '../kit/lock.ts'
import { type Hold, type Plan, plan } from '../rules/capacity.ts'
import type { Status } from '../state/schema/status.ts'
import { listTasks, reload, type Task } from '../state/tasks.ts'
import { advance } from './advance.ts'
import { type Context, maxWorkers } from './context.ts'
import { holdOf } from './hold.ts'
import { needStates } from './needs.ts'
import { startWithLock } from './own-process.ts'
import { workerOf } from './worker.ts'

export interface Dispatched {
  readonly started: readonly string[]
  /** Queued task → why it waits. */
  readonly blocked: ReadonlyMap<string, string>
}

/**
 * Every caller may do this at any time; decisions are made one at a time. When nothing can start, that is
 * found without the lock: whoever queues a task, or makes room for one, writes that down before calling, so
 * one of two callers sees what both did.
 */
export async function dispatch(context: Context): Promise<Dispatched> {
  const before = decide(context, listTasks(context.paths).tasks)
  if (before.start.length === 0) return { started: [], blocked: before.blocked }
  return await withLock(context.paths.dispatchLock, 60_000, async () => {
    const decided = decide(context, listTasks(context.paths).tasks)
    const started: string[] = []
    for (const id of decided.start) if (await startQueued(context, id)) started.push(id)
    return { started, blocked: decided.blocked }
  })
}

/** What would start now and why the rest waits: the very decision that `status` shows. */
export function decide(context: Context, tasks: readonly Task[]): Plan {
  const records = tasks.map((task) => task.status)
  const needState = needStates(context, tasks)
  const holdFor = holdOf(context, tasks)
  const loginHold = holdWithoutLogin(context)
  return plan(
    records,
    maxWorkers(context.config),
    new Date(),
    needState,
    (status) => holdFor(status) ?? loginHold(status),
  )
}

/** Each kind of worker is looked at once, and only when one of it could start. */
function holdWithoutLogin(context: Context): (status: Status) => Hold | null {
  const known = new Map<string, Hold | null>()
  return (status) => {
    const worker = workerOf(context, { status })
    if (!known.has(worker.name)) {
      const problem = worker.loginProblem()
      const why = `${worker.name} is not logged in: ${problem}`
      known.set(worker.name, problem === null ? null : { why, health: null, until: null })
    }
    return known.get(worker.name) ?? null
  }
}

/** Undefined also when something that cannot be locked stands in its place: the others start all the same. */
async function lockToStart(path: string): Promise<Lock | undefined> {
  try {
    return await tryLockPastLooks(path, 500)
  } catch (error) {
    if (error instanceof Failure && error.code === 'corrupt-file') return undefined
    throw error
  }
}

async function startQueued(context: Context, id: string): Promise<boolean> {
  const held = await lockToStart(context.paths.task(id).runLock)
  // Somebody is changing the task right now; whoever it is dispatches when done.
  if (!held) return false
  try {
    return await startUnder(context, id, held)
  } finally {
    // Also when its state could not be written: a runner that starts others would hold it for its own life.
    held.close()
  }
}

async function startUnder(context: Context, id: string, held: Lock): Promise<boolean> {
  const task = reload(context.paths, id)
  if (task?.status.state !== 'queued') return false
  const attempt = task.status.attempt + 1
  const running = advance(context, task, 'running', `attempt ${attempt}`, {
    attempt,
    epoch: task.status.epoch + 1,
    not_before: null,
    runner: null,
    worker: null,
    activity: null,
    change: null,
  })
  await startRunner(context, running, held)
  return true
}

/** Starts the runner that owns the task from now on, and hands it the lock. */
export async function startRunner(context: Context, { id, status }: Task, held: Lock): Promise<void> {
  const words = [id, '--repo', context.repo.main, '--epoch', String(status.epoch)]
  await startWithLock(context, 'run', words, context.paths.runnerLog, held)
}
