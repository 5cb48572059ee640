/** The value that marks every process of an attempt in its environment. */
import type { Task } from '../../state/tasks.ts'

/** Unique on the machine: the task's live directory and the attempt. */
export const markerOf = (task: Task): string => `${task.paths.directory}#${task.status.attempt}`
