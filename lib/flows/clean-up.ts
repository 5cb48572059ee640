/** After the end: keeps what the worktree holds, removes it, frees the ports, archives the task. */
import { existsSync } from 'node:fs'
import { withLock } from '../kit/lock.ts'
import { archiveTask, type Task } from '../state/tasks.ts'
import { snapshot } from '../tools/git/changes.ts'
import { keep } from '../tools/git/refs.ts'
import { headOf, identity, removeWorktree } from '../tools/git/worktrees.ts'
import { amend, trail } from './advance.ts'
import type { Context } from './context.ts'

/** For a merged, done or cancelled task, under its run.lock. */
export async function cleanUp(context: Context, task: Task): Promise<Task> {
  const cleared = await dropWorktree(context, task)
  return { ...cleared, paths: archiveTask(context.paths, cleared) }
}

/** Removes the worktree and its branch once their content is kept. */
export async function dropWorktree(context: Context, task: Task): Promise<Task> {
  const { workplace } = task.status
  if (!workplace) return task
  const kept =
    existsSync(workplace.git_dir) && existsSync(workplace.worktree)
      ? await snapshot(context.repo, workplace, task.id, workplace.start, await identity(context.repo))
      : await keepBranch(context, task, workplace.branch)
  if (kept) trail(context, task, 'kept', `${kept}: the worktree as it was when it was removed`)
  await withLock(context.paths.gitLock, 120_000, () =>
    removeWorktree(context.repo, workplace, workplace.branch),
  )
  return amend(task, { workplace: null, activity: null, runner: null, worker: null })
}

async function keepBranch(context: Context, task: Task, branch: string): Promise<string | null> {
  const main = { git_dir: context.repo.gitDir, worktree: context.repo.main }
  const tip = await headOf(context.repo, main, `refs/heads/${branch}`)
  return tip && (await keep(context.repo, task.id, tip))
}
