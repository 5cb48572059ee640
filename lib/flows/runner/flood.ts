/** What a worker prints goes to files of ours, whole, and no disk is endless: one that prints without end is ended. */
import { lookAt } from '../../kit/read.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Task } from '../../state/tasks.ts'

/** Bytes; a hundred times what a long attempt prints. */
const mostPrinted = 1024 ** 3

/** Gives a look: has the running attempt printed too much? */
export function watchOutput({ paths, status }: Task): () => boolean {
  const { stream, stderr } = paths.attempt(status.attempt)
  return () => [stream, stderr].some((path) => (lookAt(path)?.size ?? 0) > mostPrinted)
}

export const flooded: TaskFailure = {
  class: 'crash',
  message:
    'it had printed more than 1 GiB and was ended; what it printed is in worker.jsonl and stderr.log of the attempt',
  retryable: false,
  retry_at: null,
  detail: null,
}
