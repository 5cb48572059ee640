/**
 * The runner: owns a task from the lock it was handed to the end of the attempt, then starts whatever
 * became ready. Where it begins is read from the task's state, so a runner that is started again after a
 * crash goes on where the last one was.
 */
import { hostname } from 'node:os'
import { reasonOf } from '../../kit/errors.ts'
import { inheritedLock } from '../../kit/lock.ts'
import { isEnded } from '../../rules/lifecycle.ts'
import { loadTask, type Task } from '../../state/tasks.ts'
import { advance, amend, trail } from '../advance.ts'
import { bootId, type Context, now, trustRepository } from '../context.ts'
import { dispatch } from '../dispatch.ts'
import { attempt } from './attempt.ts'
import { cleanUp } from './clean-up.ts'
import { type Interrupt, watchInterrupt } from './interrupt.ts'
import { land } from './land.ts'
import { verify } from './verify.ts'

/** @param fd the descriptor of the task's run.lock, locked by whoever started us */
export async function runTask(context: Context, id: string, fd: number): Promise<void> {
  const begun = loadTask(context.paths, id)
  const held = inheritedLock(begun.paths.runLock, fd)
  const interrupt = watchInterrupt(begun.paths)
  let task = amend(begun, {
    epoch: begun.status.epoch + 1,
    runner: { pid: process.pid, boot: bootId(), host: hostname(), started: now() },
  })
  try {
    // A worker may live beside us, so a changed git configuration is never adopted here.
    await trustRepository(context, true)
    while (!endsBySignal(interrupt)) {
      const { state } = task.status
      if (state === 'running') {
        task = await attempt(context, task, held, interrupt)
        // The worker's place is free while we check and land.
        if (task.status.state === 'verifying') await startOthers(context, task)
      } else if (state === 'verifying') task = await verify(context, task, interrupt)
      else if (state === 'landing' && task.status.change?.state !== 'ready')
        task = await land(context, task, interrupt)
      else break
    }
    if (isEnded(task.status)) task = await cleanUp(context, task)
  } catch (error) {
    task = crashed(context, task, error)
  } finally {
    interrupt.close()
    await held.unlock()
  }
  if (!endsBySignal(interrupt)) await dispatch(context)
}

/** Trouble with other tasks is not this one's; it is tried again when this one ends. */
async function startOthers(context: Context, task: Task): Promise<void> {
  try {
    await dispatch(context)
  } catch (error) {
    trail(context, task, 'note', `others could not be started: ${reasonOf(error)}`)
  }
}

/** Told to end, and not by a request to stop: nothing new is begun. */
function endsBySignal(interrupt: Interrupt): boolean {
  return interrupt.signal.aborted && interrupt.cause()?.request === null
}

/** Something we did not foresee: the task says so and waits for a person; nothing is retried blindly. */
function crashed(context: Context, task: Task, error: unknown): Task {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${now()} ${task.id}: ${stack}\n`)
  const current = loadTask(context.paths, task.id)
  trail(context, current, 'note', `the runner failed: ${reasonOf(error)}`)
  if (isEnded(current.status) || current.status.state === 'failed') return current
  if (current.status.state === 'review' || current.status.state === 'waiting') return current
  return advance(context, current, 'failed', `the runner failed: ${reasonOf(error)}`, {
    runner: null,
    worker: null,
    activity: null,
  })
}
