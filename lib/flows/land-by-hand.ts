/** Lands a change that waits for a person: after a review, or once the main checkout is out of the way. */
import { Failure } from '../kit/errors.ts'
import { type Lock, tryLock } from '../kit/lock.ts'
import { nextFor } from '../rules/attention.ts'
import { isBlockedLanding } from '../rules/lifecycle.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import { advance, amend } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { startRunner } from './dispatch.ts'
import { clearStop } from './runner/interrupt.ts'
import { inTheWay } from './runner/move-base.ts'
import { areWorkersAbout, settle } from './settle.ts'
import { ensureSupervisor } from './supervise/start.ts'

/** Starts the landings; runners do them. All are looked at before any is started. */
export async function landByHand(context: Context, named: readonly string[]): Promise<Task[]> {
  const ids = [...new Set(named)]
  const settled = await settle(context)
  await trustRepository(context, () => areWorkersAbout(settled))
  for (const id of ids) checkLandable(loadTask(context.paths, id))
  for (const id of ids) await checkWay(context, loadTask(context.paths, id), ids)
  const landing: Task[] = []
  for (const id of ids) landing.push(await startLanding(context, id))
  await ensureSupervisor(context)
  return landing
}

async function startLanding(context: Context, id: string): Promise<Task> {
  const held = await tryLock(loadTask(context.paths, id).paths.runLock, 1000)
  const task = loadTask(context.paths, id)
  if (!held) throw notLandable(task)
  try {
    checkLandable(task)
    clearStop(task.paths)
    return await startUnder(context, task, held)
  } finally {
    held.close()
  }
}

async function startUnder(context: Context, task: Task, held: Lock): Promise<Task> {
  const { status } = task
  const epoch = status.epoch + 1
  const change = status.change && { ...status.change, state: 'merging' as const, note: null }
  const landing =
    status.state === 'review'
      ? advance(context, task, 'landing', 'to be landed, as somebody decided', { epoch, change: null })
      : amend(task, { epoch, change, reason: 'landing again' })
  await startRunner(context, landing, held)
  return reload(context.paths, task.id) ?? landing
}

function checkLandable(task: Task): void {
  const { status } = task
  if (status.state === 'review' && status.settings.plan) throw isPlan(task)
  if (status.state !== 'review' && !(status.state === 'landing' && isBlockedLanding(status)))
    throw notLandable(task)
}

/** Else it would only say the same again, a wait later. */
async function checkWay(context: Context, task: Task, ids: readonly string[]): Promise<void> {
  const what = task.status.state === 'landing' ? await inTheWay(context, task) : null
  if (what === null) return
  const again = `dirigent land ${ids.join(' ')}`
  throw new Failure('checkout-in-the-way', `${task.id} cannot land: ${what}`, {
    hint: `Once that is out of the way (committed, stashed, or switched to another branch): ${again}`,
    next: [again],
  })
}

function isPlan({ id }: Task): Failure {
  return new Failure('illegal-transition', `${id} is a plan; there is nothing to land`, {
    hint: `Accept it: dirigent accept ${id}`,
    next: [`dirigent accept ${id}`],
  })
}

function notLandable({ id, status }: Task): Failure {
  return new Failure('illegal-transition', `${id} is ${status.state}; there is nothing to land by hand`, {
    hint: 'Only a change under review, or one whose landing is blocked, is landed by hand.',
    next: status.state === 'landing' ? nextFor(status) : [`dirigent status ${id}`],
  })
}
