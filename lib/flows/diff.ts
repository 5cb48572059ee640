/** What a task has changed: in its worktree so far, or what it landed. */
import { Failure } from '../kit/errors.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import { diffText, diffWithUntracked } from '../tools/git/changes.ts'
import { isThere } from '../tools/git/door.ts'
import { baseTips, mergeBase } from '../tools/git/refs.ts'
import { headOf } from '../tools/git/worktrees.ts'
import { type Context, trustRepository } from './context.ts'

export interface Diff {
  readonly task: Task
  readonly text: string
  /** Null, or, where the text is only its beginning, the command that prints all that is committed of it. */
  readonly rest: string | null
}

export async function diff(context: Context, id: string, stat: boolean): Promise<Diff> {
  const task = loadTask(context.paths, id)
  await trustRepository(context, () => true)
  const { workplace, change, settings } = task.status
  if (change?.state === 'merged' && change.commit && change.onto) {
    const { text, cut } = await diffText(context.repo, change.onto, change.commit, stat)
    return { task, text, rest: cut ? whole(change.onto, change.commit) : null }
  }
  if (!workplace || !isThere(workplace)) {
    throw new Failure(
      'nothing-logged',
      isEnded(task.status)
        ? `${id} is ${task.status.state} and landed nothing; its worktree is put away`
        : `${id} has no worktree ${workplace ? 'any more' : 'yet'}, so there is nothing to compare`,
      {
        hint: `What was kept of it: git for-each-ref refs/dirigent/kept/${id}`,
        next: [`dirigent status ${id}`],
      },
    )
  }
  const head = await headOf(context.repo, workplace)
  const { fresh } = await baseTips(context.repo, settings.base)
  const from = (head && (await mergeBase(context.repo, fresh, head))) ?? workplace.start
  const { text, cut } = await diffWithUntracked(context.repo, from, workplace, stat)
  return { task, text, rest: cut ? whole(from, head ?? from) : null }
}

/** From commit to commit, by no program that the configuration names: a git that looks at the worktree could run what a worker wrote. */
const whole = (from: string, to: string): string => `git diff --no-ext-diff --no-textconv ${from} ${to}`
