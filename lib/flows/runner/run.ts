/**
 * The runner: owns a task from the lock it was handed to the end of the attempt, then starts whatever
 * became ready. Where it begins is read from the task's state, so a runner that is started again after a
 * crash goes on where the last one was.
 */
import { cgroupFor } from '../../kit/cgroup.ts'
import { diskTrouble } from '../../kit/disk.ts'
import { Failure, reasonOf } from '../../kit/errors.ts'
import { inheritedLock, type Lock } from '../../kit/lock.ts'
import { ourselves } from '../../kit/pid.ts'
import { isEnded, isOwned } from '../../rules/lifecycle.ts'
import { mostLost } from '../../rules/retry.ts'
import { checkOwner } from '../../state/owner.ts'
import { checkId, listTasks, loadTask, type Task } from '../../state/tasks.ts'
import { advance, amend, trail } from '../advance.ts'
import { type Context, freshSettings, now, trustRepository } from '../context.ts'
import { dispatch } from '../dispatch.ts'
import { ensureSupervisor, keepSupervised } from '../supervise/start.ts'
import { attempt } from './attempt.ts'
import { cleanUp } from './clean-up.ts'
import { type Interrupt, watchInterrupt } from './interrupt.ts'
import { land } from './land.ts'
import { markerOf } from './marker.ts'
import { keepPosition } from './own-checkpoint.ts'
import { verify } from './verify.ts'

/**
 * @param epoch the task's, when it was decided to start us: who comes later than somebody else is refused
 * @param fd the descriptor of the task's run.lock, locked by whoever started us
 */
export async function runTask(context: Context, id: string, epoch: number, fd: number): Promise<void> {
  checkId(id)
  const held = await inheritedLock(context.paths.task(id).runLock, fd)
  let goOn = false
  try {
    goOn = await own(context, takeOver(loadTask(context.paths, id), epoch), held)
  } catch (error) {
    if (!isStale(error)) throw error
    // Whoever has it now does the rest; not a word in their trail.
    process.stderr.write(`${now()} ${id}: too late: ${error.message}\n`)
  } finally {
    await held.unlock()
  }
  if (goOn) await leave(await freshSettings(context), id)
}

/** What became ready starts; and should somebody have killed the supervisor, what is left is not left alone. */
async function leave(context: Context, id: string): Promise<void> {
  await dispatch(context)
  const { tasks } = listTasks(context.paths)
  // Its next attempt is due some time, or somebody is to be told of it.
  if (tasks.some((task) => task.id === id && !isEnded(task.status))) await ensureSupervisor(context)
  else await keepSupervised(context, tasks)
}

function takeOver(task: Task, epoch: number): Task {
  const decided = { ...task, status: { ...task.status, epoch } }
  return amend(decided, {
    epoch: epoch + 1,
    runner: { ...ourselves(), cgroup: cgroupFor(markerOf(task)), started: now() },
  })
}

/** True when it came to its end, and was not told to end by a signal. */
async function own(context: Context, taken: Task, held: Lock): Promise<boolean> {
  let interrupt = watchInterrupt(taken)
  let task = taken
  try {
    // A worker may live beside us, so a changed git configuration is never adopted here.
    await trustRepository(context, () => true)
    while (!endsBySignal(interrupt) && isOurs(task)) {
      interrupt = renewed(interrupt, task)
      try {
        task = await step(context, task, held, interrupt)
      } catch (error) {
        task = lostProgram(context, task, error)
      }
    }
    if (isEnded(task.status)) task = await cleanUp(context, task)
    else if (leadsToAnother(task)) await keepPosition(context, task, task.status.attempt)
  } catch (error) {
    task = crashed(context, task, error)
  } finally {
    interrupt.close()
  }
  return !endsBySignal(interrupt)
}

/** Or may: it ended without success. A thread that goes on needs no checkpoint. */
const leadsToAnother = ({ status }: Task): boolean =>
  status.resume === null && ['queued', 'waiting', 'failed'].includes(status.state)

const isOurs = ({ status }: Task): boolean => isOwned(status) && status.change?.state !== 'ready'

async function step(context: Context, task: Task, held: Lock, interrupt: Interrupt): Promise<Task> {
  if (task.status.state === 'verifying') return await verify(context, task, interrupt)
  if (task.status.state === 'landing') return await land(context, task, interrupt)
  const tried = await attempt(context, task, held, interrupt)
  // The worker's place is free while we check and land.
  if (tried.status.state === 'verifying') await startOthers(context, tried)
  return tried
}

/**
 * A git of ours was killed from outside (out of memory, say): it is as if we had been, and the files say how to
 * go on; so often at most as a task is taken up again. Any other error is thrown on.
 */
function lostProgram(context: Context, task: Task, error: unknown): Task {
  if (!(error instanceof Failure && error.code === 'program-killed')) throw error
  checkOwner(task)
  const current = loadTask(context.paths, task.id)
  const lost = current.status.lost + 1
  if (!isOwned(current.status) || lost >= mostLost) throw error
  trail(context, current, 'note', `${error.message}; going on from the files`)
  return amend(current, { lost })
}

const isStale = (error: unknown): error is Failure => error instanceof Failure && error.code === 'stale-epoch'

/** Trouble with other tasks is not this one's; it is tried again when this one ends. */
async function startOthers(context: Context, task: Task): Promise<void> {
  try {
    await dispatch(await freshSettings(context))
  } catch (error) {
    trail(context, task, 'note', `others could not be started: ${reasonOf(error)}`)
  }
}

/** A request to begin again that came as the attempt ended is void, and must not end what follows. */
function renewed(interrupt: Interrupt, task: Task): Interrupt {
  if (!interrupt.signal.aborted || interrupt.cause() !== null) return interrupt
  interrupt.close()
  return watchInterrupt(task)
}

/** Told to end, and not by a request to stop: nothing new is begun. */
function endsBySignal(interrupt: Interrupt): boolean {
  return interrupt.signal.aborted && interrupt.cause()?.request === null
}

/**
 * A full or failing disk is no fault of the task: it stays where it is, and whoever looks next takes it up, which
 * does not count as a loss. Something we did not foresee: the task says so and waits for a person; nothing is retried blindly. A status
 * that cannot be read is left for a person to mend; whoever looks then takes the task up.
 */
function crashed(context: Context, task: Task, error: unknown): Task {
  if (isStale(error)) throw error
  const trouble = diskTrouble(error)
  const stack = error instanceof Error && !trouble ? error.stack : undefined
  process.stderr.write(`${now()} ${task.id}: ${stack ?? reasonOf(error)}\n`)
  checkOwner(task)
  const current = loadTask(context.paths, task.id)
  trail(context, current, 'note', `the runner failed: ${reasonOf(error)}`)
  if (isEnded(current.status) || current.status.state === 'failed') return current
  if (current.status.state === 'review' || current.status.state === 'waiting') return current
  if (trouble)
    return amend(current, { runner: null, activity: null, lost: Math.max(0, current.status.lost - 1) })
  return advance(context, current, 'failed', `the runner failed: ${reasonOf(error)}`, {
    runner: null,
    worker: null,
    activity: null,
  })
}
