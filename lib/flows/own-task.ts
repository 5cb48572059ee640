/** The task of the worker that calls us: known from the environment that its runner gave it. */
import { inheritedValues } from '../kit/ancestry.ts'
import { Failure } from '../kit/errors.ts'
import { markerName, ownName } from '../rules/environment.ts'
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

type Place = Pick<Context, 'repo' | 'paths'>

/**
 * Is it a worker of this repository that calls, or a check? Also where its environment was emptied on the way. A worker
 * may call verbs in other repositories: somebody who works on Dirigent tries it in some.
 */
export function isWorker({ repo, paths }: Place): boolean {
  const { DIRIGENT_TASK: id, DIRIGENT_REPO: main } = process.env
  if (id && main === repo.main) return true
  return inheritedValues(markerName, ownName).some((mark) => mark.startsWith(`${paths.tasks}/`))
}

/** A guard against mistakes, and no fence: a worker can write the files themselves. Throws `not-for-workers`. */
export function refuseWorker(place: Place, verb: string): void {
  if (!isWorker(place)) return
  throw new Failure('not-for-workers', `dirigent ${verb} is not for a worker to type`, {
    hint: 'Say in your report, or by dirigent tell, what whoever gave you the task should do.',
  })
}

/** For verbs by which somebody decides about tasks. Throws `not-for-workers`, and what `openContext` does. */
export async function openToDecide(directory: string, verb: string): Promise<Context> {
  const context = await openContext(directory)
  refuseWorker(context, verb)
  return context
}
