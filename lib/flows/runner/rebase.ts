/** Puts a task's branch on the base's tip, and proves it there. */
import { replaceResult } from '../../state/publish.ts'
import { readRecord } from '../../state/record.ts'
import { result as resultSchema } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { snapshot } from '../../tools/git/changes.ts'
import type { Tips } from '../../tools/git/refs.ts'
import { replay, type TrailersFor } from '../../tools/git/replay.ts'
import { attemptTrailer } from '../../tools/git/trailers.ts'
import { identity, restoreWorktree } from '../../tools/git/worktrees.ts'
import { amend, trail } from '../advance.ts'
import type { Context } from '../context.ts'
import { attemptOf } from './authorship.ts'
import { bringWorktree } from './bring.ts'
import { runChecks } from './checks.ts'
import { fail } from './fail.ts'
import type { Interrupt } from './interrupt.ts'

/**
 * The task with `change` saying which commit is to replace which, or wherever a conflict or a failed check
 * leads. Checks run again unless what was proved is the very same tree.
 * @param head the branch's tip; null when the branch is gone
 */
export async function rebase(
  context: Context,
  task: Task,
  workplace: Workplace,
  head: string | null,
  tips: Tips,
  interrupt: Interrupt,
): Promise<Task> {
  if (!head) return fail(context, task, conflict('its branch is gone', null), interrupt)
  const replayed = await replay(
    context.repo,
    head,
    tips.fresh,
    await trailersOf(context, task, tips.fresh),
    await identity(context.repo),
  )
  if (!replayed.ok) {
    const files = replayed.files.slice(0, 50)
    const base = `${task.status.settings.base.branch} (now ${tips.fresh.slice(0, 12)})`
    const message = `The change conflicts with ${base} in ${files.slice(0, 5).join(', ')}`
    const detail = `Rebase your branch onto that commit (git rebase ${tips.fresh}), resolve these files, and finish:\n${files.join('\n')}`
    return fail(
      context,
      amend(task, { change: { state: 'conflicted', commit: null, onto: tips.fresh, note: null } }),
      conflict(message, detail),
      interrupt,
    )
  }
  const proved = readRecord(task.paths.result, resultSchema)
  if (replayed.commits === 0)
    return fail(
      context,
      task,
      { ...conflict('Everything in the change is in the base already', null), class: 'no-commit' },
      interrupt,
    )
  let ready = task
  // Without checks there is nothing to prove, and so no need to bring the worktree to the new commit.
  if (proved?.tree !== replayed.tree && task.status.settings.verify.length > 0) {
    // Tried before and cut short, it may have left locks of git's.
    await restoreWorktree(context.repo, workplace, workplace.branch, workplace.start)
    const who = await identity(context.repo)
    const kept = await snapshot(context.repo, workplace, task.id, tips.fresh, who)
    trail(
      context,
      task,
      'kept',
      `${kept}: the worktree before it was rebased onto ${tips.fresh.slice(0, 10)}`,
    )
    ready = await bringWorktree(context, task, workplace, replayed.tip)
    const { failure } = await runChecks(context, ready, 'landing', interrupt)
    if (failure) return fail(context, ready, failure, interrupt)
    // What is proved now; tried again, the landing need not run the checks again.
    if (proved)
      replaceResult(ready, {
        ...proved,
        commit: replayed.tip,
        tree: replayed.tree,
        base: tips.fresh,
      })
  }
  return amend(ready, { change: { state: 'merging', commit: replayed.tip, onto: tips.fresh, note: null } })
}

async function trailersOf(context: Context, task: Task, onto: string): Promise<TrailersFor> {
  const { settings, attempt } = task.status
  const attempts = await attemptOf(context, task, onto)
  return (commit) => [
    ['Dirigent-Task', task.id],
    [attemptTrailer, String(attempts.get(commit) ?? attempt)],
    ['Worker', `${settings.worker} ${settings.model ?? 'default'}`],
  ]
}

function conflict(message: string, detail: string | null): TaskFailure {
  return { class: 'conflict', message, retryable: true, retry_at: null, detail }
}
