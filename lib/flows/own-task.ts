/** The task of the worker that calls us: known from the environment that its runner gave it. */
import { Failure } from '../kit/errors.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import { type Context, openContext } from './context.ts'

export interface OwnTask {
  readonly context: Context
  readonly task: Task
}

/**
 * Throws `not-a-worker` for everybody else, `illegal-transition` for what a worker left behind. The worker may be in another repository for the
 * moment.
 */
export async function ownTask(verb: string): Promise<OwnTask> {
  const { DIRIGENT_TASK: id, DIRIGENT_REPO: repo } = process.env
  if (!id || !repo) {
    throw new Failure('not-a-worker', `dirigent ${verb} is for workers: there is no task around it`, {
      hint: `Workers type it in their worktrees, where $DIRIGENT_TASK says which task. To talk to one: dirigent send ID TEXT`,
    })
  }
  const context = await openContext(repo)
  const task = loadTask(context.paths, id)
  if (task.status.state === 'running') return { context, task }
  throw new Failure('illegal-transition', `${id} is ${task.status.state}: no worker of it runs`, {
    hint: `See where it stands: dirigent status ${id}`,
  })
}

/** Is it a worker that calls? */
export const isWorker = (): boolean => Boolean(process.env.DIRIGENT_TASK)
