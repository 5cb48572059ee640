/** Lands a change that waits for a person: after a review, or once the main checkout is out of the way. */
import { Failure } from '../kit/errors.ts'
import { tryLock } from '../kit/lock.ts'
import { isBlockedLanding } from '../rules/lifecycle.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import { advance, amend } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { startRunner } from './dispatch.ts'
import { observe } from './settle.ts'

/** Starts the landing; a runner does it. */
export async function landByHand(context: Context, id: string): Promise<Task> {
  const { alive } = await observe(context)
  await trustRepository(context, alive.size > 0)
  const held = await tryLock(loadTask(context.paths, id).paths.runLock, 1000)
  const task = loadTask(context.paths, id)
  const { status } = task
  if (!held || !(status.state === 'review' || (status.state === 'landing' && isBlockedLanding(status)))) {
    held?.close()
    throw new Failure('illegal-transition', `${id} is ${status.state}; there is nothing to land by hand`, {
      hint: 'Only a change under review, or one whose landing is blocked, is landed by hand.',
      next: [`dirigent status ${id}`],
    })
  }
  const change = status.change && { ...status.change, state: 'merging' as const, note: null }
  const landing =
    status.state === 'review'
      ? advance(context, task, 'landing', 'landed by hand', { change: null })
      : amend(task, { change, reason: 'landing again' })
  await startRunner(context, landing, held)
  return reload(context.paths, id) ?? landing
}
