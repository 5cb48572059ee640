/**
 * Is the worktree that a status names the one we made for this task? A worker can write in its task directory, and
 * what a status names is removed with all that is in it: only what lies where we make worktrees counts as ours.
 */
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { isGitDirOf } from '../../tools/git/worktrees.ts'
import { branchOf, type Context } from '../context.ts'

export function ownPlace(context: Context, task: Task): Workplace | null {
  const { workplace } = task.status
  if (!workplace || workplace.branch !== branchOf(task.id)) return null
  const { worktrees } = context.paths
  const worktree = join(existsSync(worktrees) ? realpathSync(worktrees) : worktrees, task.id)
  return workplace.worktree === worktree && isGitDirOf(context.repo, workplace.git_dir, task.id)
    ? workplace
    : null
}
