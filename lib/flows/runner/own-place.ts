/**
 * Is the worktree that a status names the one we made for this task? A worker can write in its task directory, and
 * what a status names is removed with all that is in it: only what lies where we make worktrees counts as ours.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { branchOf, type Context } from '../context.ts'

export function ownPlace(context: Context, task: Task): Workplace | null {
  const { workplace } = task.status
  if (!workplace || workplace.branch !== branchOf(task.id)) return null
  const worktree = join(real(context.paths.worktrees), task.id)
  const ofGit = join(real(context.repo.gitDir), 'worktrees')
  const own = workplace.worktree === worktree && dirname(workplace.git_dir) === ofGit
  // git numbers them when a name is taken.
  const name = basename(workplace.git_dir)
  const named = name.startsWith(task.id) && /^\d*$/.test(name.slice(task.id.length))
  return own && named ? workplace : null
}

const real = (path: string): string => (existsSync(path) ? realpathSync(path) : path)
