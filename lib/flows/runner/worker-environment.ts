/** The environment of a task's worker and of its checks. */
import { join } from 'node:path'
import { packageRoot } from '../../kit/package.ts'
import { workerEnvironment } from '../../rules/environment.ts'
import type { Task } from '../../state/tasks.ts'
import { identity } from '../../tools/git/worktrees.ts'
import { queueOf } from '../build-line.ts'
import type { Context } from '../context.ts'
import { markerOf } from './marker.ts'
import { shimSet } from './shims.ts'

/**
 * The task must have its workplace.
 * @param needs variables (globs) for the worker itself, which checks and other workers do not get
 */
export async function environmentOf(
  context: Context,
  task: Task,
  needs: readonly string[] = [],
): Promise<NodeJS.ProcessEnv> {
  const { workplace } = task.status
  if (!workplace) throw new Error(`${task.id} has no worktree yet`)
  return workerEnvironment(
    process.env,
    {
      id: task.id,
      attempt: task.status.attempt,
      taskDirectory: task.paths.directory,
      repo: context.repo.main,
      workplace,
      shims: shimSet(context)?.directory ?? null,
      // A folder of its own: in bin/ there is a `diff`, and a worker needs the system's.
      verbs: join(packageRoot(), 'bin', 'worker'),
      marker: markerOf(task),
      buildQueue: queueOf(context),
    },
    context.config.withhold,
    await identity(context.repo),
    needs,
  )
}
