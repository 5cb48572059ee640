/** Which attempt made a commit, from what each attempt recorded of the branch's tip. */
import { readRecord } from '../state/record.ts'
import { exit } from '../state/schema/attempt.ts'
import type { Task } from '../state/tasks.ts'
import { commitsOf } from '../tools/git/refs.ts'
import type { Context } from './context.ts'

/** Commits that earlier attempts made; every other belongs to the newest. */
export async function attemptOf(context: Context, task: Task): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (let n = 1; n < task.status.attempt; n++) {
    const ended = readRecord(task.paths.attempt(n).exit, exit)
    if (!ended?.to || !ended.from || ended.to === ended.from) continue
    for (const commit of await commitsOf(context.repo, ended.from, ended.to)) found.set(commit, n)
  }
  return found
}
