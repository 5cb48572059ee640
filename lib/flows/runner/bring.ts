/**
 * Brings a task's worktree to another commit. Half of that would look like work of the worker's that undoes what
 * others have landed, and be committed as its leftovers: so where it is going is written down first, and whoever
 * finds that finishes it before anybody works there.
 */
import type { Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { snapshot } from '../../tools/git/changes.ts'
import { identity, resetWorktree } from '../../tools/git/worktrees.ts'
import { amend, trail } from '../advance.ts'
import type { Context } from '../context.ts'

/** What is in the worktree must have been kept. */
export async function bringWorktree(
  context: Context,
  task: Task,
  workplace: Workplace,
  commit: string,
): Promise<Task> {
  return await finish(
    context,
    amend(task, { workplace: { ...workplace, resetting: commit } }),
    workplace,
    commit,
  )
}

/** Finishes what was cut short, if anything was; somebody may have edited there since. */
export async function finishBringing(context: Context, task: Task, workplace: Workplace): Promise<Task> {
  const commit = workplace.resetting
  if (commit === null) return task
  const kept = await snapshot(context.repo, workplace, task.id, commit, await identity(context.repo))
  if (kept)
    trail(context, task, 'kept', `${kept}: the worktree on its way to ${commit.slice(0, 10)}, cut short`)
  return await finish(context, task, workplace, commit)
}

async function finish(context: Context, task: Task, workplace: Workplace, commit: string): Promise<Task> {
  await resetWorktree(context.repo, workplace, workplace.branch, commit)
  return amend(task, { workplace: { ...workplace, resetting: null } })
}
