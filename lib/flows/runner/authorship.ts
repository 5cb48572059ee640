/** Which attempt made a commit, from what each attempt recorded of the branch's tip. */
import { readRecord } from '../../state/record.ts'
import { exit } from '../../state/schema/attempt.ts'
import type { Task } from '../../state/tasks.ts'
import { commitsOf } from '../../tools/git/refs.ts'
import { attemptTrailer } from '../../tools/git/trailers.ts'
import type { Context } from '../context.ts'

/**
 * Commits of `onto..` that earlier attempts made; every other belongs to the newest. What stood on the branch
 * when an attempt began and was in no worker's hands is ours: leftovers of the attempt before, or a rebase
 * for a landing, whose trailers say whose work it is.
 */
export async function attemptOf(
  context: Context,
  task: Task,
  onto: string,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  const newest = task.status.attempt
  for (let n = 1; n <= newest && newest > 1; n++) {
    const ended = readRecord(task.paths.attempt(n).exit, exit)
    if (!ended?.from) continue
    if (n > 1) {
      for (const [commit, said] of await commitsOf(context.repo, onto, ended.from, attemptTrailer)) {
        if (!found.has(commit)) found.set(commit, Math.min(Number(said) || n - 1, n - 1))
      }
    }
    if (n === newest || !ended.to) continue
    for (const commit of (await commitsOf(context.repo, ended.from, ended.to, attemptTrailer)).keys()) {
      if (!found.has(commit)) found.set(commit, n)
    }
  }
  return found
}
