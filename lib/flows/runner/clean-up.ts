/** After the end: keeps what the worktree holds, removes it, frees the ports, archives the task. */
import { isCgroupOf, removeCgroup } from '../../kit/cgroup.ts'
import { announce } from '../../state/journal.ts'
import { idOf } from '../../state/message-file.ts'
import { expire } from '../../state/messages.ts'
import type { Workplace } from '../../state/schema/status.ts'
import { archiveTask, type Task } from '../../state/tasks.ts'
import { inspect, snapshot } from '../../tools/git/changes.ts'
import { isThere } from '../../tools/git/door.ts'
import { keep } from '../../tools/git/refs.ts'
import {
  deleteBranch,
  headOf,
  identity,
  removeWorktree,
  restoreWorktree,
  setAside,
} from '../../tools/git/worktrees.ts'
import { amend, trail } from '../advance.ts'
import { branchOf, type Context, now } from '../context.ts'
import { tidyEnded } from '../tidy.ts'
import { markOf } from './marker.ts'
import { ownPlace } from './own-place.ts'

/** For a merged, done or cancelled task, under its run.lock. */
export async function cleanUp(context: Context, task: Task): Promise<Task> {
  const { cgroup, value } = markOf(task)
  if (cgroup !== null && isCgroupOf(cgroup, value)) await removeCgroup(cgroup)
  const cleared = await dropWorktree(context, task)
  const expired = expire(task.paths)
  if (expired.length > 0)
    trail(context, cleared, 'message', `expired unread: ${expired.map((name) => idOf(name)).join(', ')}`)
  tidyEnded(context, cleared)
  const paths = archiveTask(context.paths, cleared)
  const { id, attempt } = cleared.status
  announce(context.paths, { at: now(), task: id, type: 'archived', attempt, text: paths.directory })
  return { ...cleared, paths }
}

/** Removes the worktree and its branch once their content is kept. */
export async function dropWorktree(context: Context, task: Task): Promise<Task> {
  const workplace = ownPlace(context, task)
  if (!workplace) {
    const without = task.status.workplace ? amend(task, { workplace: null }) : task
    return await dropBranch(context, without)
  }
  const kept = isThere(workplace)
    ? await keepContent(context, task, workplace)
    : await keepBranch(context, task, workplace.branch)
  if (kept) trail(context, task, 'kept', `${kept}: the worktree as it was when it was removed`)
  await removeWorktree(context.repo, workplace, workplace.branch)
  return amend(task, { workplace: null, activity: null, runner: null, worker: null })
}

/** A worktree that could not be made may have left the branch that was made for it: kept, and removed. */
export async function dropBranch(context: Context, task: Task): Promise<Task> {
  if (task.status.attempt === 0) return task
  const branch = branchOf(task.id)
  if (await keepBranch(context, task, branch)) await deleteBranch(context.repo, branch)
  return task
}

/** Everything that git would track; a repository inside the worktree, which it would not, is moved out. */
async function keepContent(context: Context, task: Task, workplace: Workplace): Promise<string | null> {
  const { repo } = context
  // One that was proved was mended before.
  if (task.status.state !== 'merged')
    await restoreWorktree(repo, workplace, workplace.branch, workplace.start)
  const seen = await inspect(repo, workplace)
  const kept = await snapshot(repo, workplace, task.id, workplace.start, await identity(repo), seen)
  if (seen.embedded.length > 0)
    trail(context, task, 'kept', `${setAside(workplace, seen.embedded)}: repositories inside the worktree`)
  return kept
}

async function keepBranch(context: Context, task: Task, branch: string): Promise<string | null> {
  const main = { git_dir: context.repo.gitDir, worktree: context.repo.main }
  const tip = await headOf(context.repo, main, `refs/heads/${branch}`)
  return tip && (await keep(context.repo, task.id, tip))
}
