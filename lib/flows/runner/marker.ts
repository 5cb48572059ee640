/** By what the processes of an attempt are known. */
import { type Mark, sweep } from '../../kit/sweep.ts'
import { markerName } from '../../rules/environment.ts'
import { lateness } from '../../state/owner.ts'
import { readStatus } from '../../state/read-status.ts'
import type { Task } from '../../state/tasks.ts'

/** Unique on the machine: the task's live directory and the attempt. */
export const markerOf = (task: Task): string => `${task.paths.directory}#${task.status.attempt}`

/** The mark of the latest attempt, with the cgroup that its runner wrote down. */
export const markOf = (task: Task): Mark => ({
  name: markerName,
  value: markerOf(task),
  cgroup: task.status.runner?.cgroup ?? null,
})

/**
 * Ends what is left of the attempt. Nothing, when whoever holds `task` is late and the task is still at this very
 * attempt: then what carries its mark is the new owner's, who has ended what was ours.
 * @returns how many processes were found
 */
export async function sweepOwn(task: Task, grace: number): Promise<number> {
  const theirs = lateness(task) !== null && readStatus(task.paths)?.value.attempt === task.status.attempt
  return theirs ? 0 : await sweep(markOf(task), grace)
}
