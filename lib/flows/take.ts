/** Takes a task that no runner has, to change its state; refuses one that is under way. */
import { Failure } from '../kit/errors.ts'
import { tryLock, withLock } from '../kit/lock.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'

/**
 * Runs `change` under the task's run.lock with the status as it is then.
 * Throws `illegal-transition` when a runner has the task or it has ended.
 */
export async function withTask<T>(
  context: Context,
  id: string,
  verb: string,
  change: (task: Task) => Promise<T>,
): Promise<T> {
  const { paths, status } = loadTask(context.paths, id)
  // Who holds it for a moment (a dispatcher, another verb, a runner that is leaving) is waited for; a runner
  // at work is not.
  const held = await tryLock(paths.runLock, isOwned(status) ? 1000 : 10_000)
  if (!held) {
    throw new Failure('illegal-transition', `${id} is under way; it cannot be ${verb} now`, {
      hint: `Wait for it (dirigent wait ${id}), or end the attempt first: dirigent stop ${id}`,
      next: [`dirigent status ${id}`, `dirigent stop ${id}`],
    })
  }
  try {
    const task = loadTask(context.paths, id)
    if (isEnded(task.status)) {
      throw new Failure(
        'illegal-transition',
        `${id} is ${task.status.state}; it cannot be ${verb} any more`,
        {
          hint: 'Spawn a new task.',
          next: ['dirigent spawn --spec FILE'],
        },
      )
    }
    return await change(task)
  } finally {
    await held.unlock()
  }
}

/**
 * Runs `work` under the run.lock of a task, live or archived, with its status as it is then. Throws `lock-busy`
 * when somebody has it.
 */
export async function withFree(
  context: Context,
  { id, paths }: Task,
  work: (task: Task) => unknown,
): Promise<void> {
  await withLock(paths.runLock, 1000, async () => {
    const task = reload(context.paths, id)
    if (task && task.paths.directory === paths.directory) await work(task)
  })
}
