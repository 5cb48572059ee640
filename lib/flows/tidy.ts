/**
 * Removes what crashes left under temporary names, wherever a verb or a runner passes by. Every verb does, so
 * it looks into few directories; `dirigent doctor` looks into all.
 */
import { litterBelow, litterIn, removeLitter } from '../kit/litter.ts'
import type { Task } from '../state/tasks.ts'
import { litterOfGit } from '../tools/git/leftovers.ts'
import type { Context } from './context.ts'
import { writeMissing } from './mend-trail.ts'

/** Directories of so many tasks are looked into by one verb; of more, others each time. A fifth of a millisecond each. */
const mostTasks = 4

/** Beside everything else that a verb does. Nothing of a writer who lives is touched. */
export function tidy({ paths }: Context, tasks: readonly Task[]): void {
  const from = Math.floor(Math.random() * tasks.length)
  const some = [...tasks.slice(from), ...tasks.slice(0, from)].slice(0, mostTasks)
  const ofTasks = some.flatMap(({ paths: task }) => [task.directory, task.inbox, task.outbox, task.log])
  for (const directory of [paths.tasks, paths.locks, paths.lessons, paths.shims, paths.root, ...ofTasks])
    removeLitter(litterIn(directory))
}

/** A task whose runner is gone, under its run.lock: all of it. */
export function tidyLost(context: Context, task: Task): void {
  tidyEnded(context, task)
  removeLitter(litterOfGit(context.repo))
}

/** Before a task is archived, under its run.lock: nobody looks into it afterwards. */
export function tidyEnded(context: Context, task: Task): void {
  removeLitter(litterBelow(task.paths.directory))
  writeMissing(context, task)
}
