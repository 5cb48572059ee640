/** How the worker of a task is started, for its attempts and for what it is asked on the side. */
import type { Task } from '../../state/tasks.ts'
import type { WorkerCall } from '../../tools/workers/worker.ts'
import type { Context } from '../context.ts'
import { textsAnyway } from '../texts.ts'
import { workerOf } from '../worker.ts'

export interface Startable {
  readonly program: string
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/**
 * The task must have its workplace. Throws `worker-not-found`.
 * @param environment the worker's; to it comes what its program wants to find there
 */
export function startable(
  context: Context,
  task: Task,
  environment: NodeJS.ProcessEnv,
  how: Pick<WorkerCall, 'hooks' | 'resume' | 'aside'>,
): Startable {
  const { settings, workplace } = task.status
  if (!workplace) throw new Error(`${task.id} has no worktree yet`)
  const worker = workerOf(context, task)
  const program = worker.find()
  const { model, effort } = settings
  const path = environment.PATH ?? ''
  const house = () => textsAnyway(context)('house')
  const { argv, env } = worker.command({ model, effort, worktree: workplace.worktree, path, house, ...how })
  return { program, argv, cwd: workplace.worktree, env: { ...environment, ...env } }
}
