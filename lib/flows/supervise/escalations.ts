/** What is known of who was told what (`locks/escalations.json`), and what is said to those who are told. */
import { Failure } from '../../kit/errors.ts'
import { isDirectory } from '../../kit/files.ts'
import type { Trouble } from '../../rules/escalation.ts'
import { idPattern } from '../../state/paths.ts'
import { readRecord, writeRecord } from '../../state/record.ts'
import { type Escalations, escalations } from '../../state/schema/supervision.ts'
import { remark } from '../advance.ts'
import type { Context } from '../context.ts'
import type { Observed } from '../settle.ts'

/** Nothing that a worker wrote: a shell is going to read it. */
export function environmentFor({ repo }: Context, news: readonly Trouble[]): NodeJS.ProcessEnv {
  // A task that cannot be read is named by its directory, which a worker can have made.
  const ids = news.map(({ id }) => id).filter((id) => idPattern.test(id))
  return {
    ...process.env,
    DIRIGENT_REPO: repo.main,
    DIRIGENT_ATTENTION_TASK: ids[0] ?? '',
    DIRIGENT_ATTENTION_TASKS: ids.join(' '),
  }
}

/** In the trails of those tasks that have one. */
export function noteInTrails(
  context: Context,
  { tasks }: Observed,
  news: readonly Trouble[],
  text: string,
): void {
  // One that was put away meanwhile has an end to its trail.
  for (const task of tasks)
    if (news.some(({ id }) => id === task.id) && isDirectory(task.paths.directory))
      remark(context, task, 'escalation', text)
}

/** One that cannot be read is made anew: at worst something is told twice. */
export function readEscalations({ paths }: Context): Escalations {
  try {
    return readRecord(paths.escalations, escalations) ?? nobodyTold
  } catch (error) {
    if (error instanceof Failure) return nobodyTold
    throw error
  }
}

const nobodyTold: Escalations = { version: 1, wake: null, tasks: {} }

export function save({ paths }: Context, told: Escalations): void {
  writeRecord(paths.escalations, told)
}
