/** Notes in the trail that the worker has written a checkpoint; not each time, when it writes again and again. */
import { lookAt } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'
import { sectionsOf } from '../../rules/checkpoint.ts'
import { readCheckpoint } from '../../state/checkpoints.ts'
import type { Task } from '../../state/tasks.ts'
import { trail } from '../advance.ts'
import type { Context } from '../context.ts'

/** Milliseconds. */
const betweenNotes = 30_000

export interface CheckpointWatch {
  /** @param last the worker has ended: what was not noted yet is noted now */
  look(task: Task, last?: boolean): void
}

export function watchCheckpoint(context: Context, begun: Task): CheckpointWatch {
  let known = readCheckpoint(begun.paths)
  let stamp = stampOf(begun)
  let noted = Number.NEGATIVE_INFINITY
  return {
    look(task, last = false) {
      const now = stampOf(task)
      if (now === stamp || (!last && performance.now() - noted < betweenNotes)) return
      stamp = now
      const text = readCheckpoint(task.paths)
      if (text === null || text === known) return
      known = text
      noted = performance.now()
      const doing = oneLine(sectionsOf(text).now ?? '', 200)
      trail(context, task, 'checkpoint', `${Buffer.byteLength(text)} bytes${doing ? `; now: ${doing}` : ''}`)
    },
  }
}

function stampOf({ paths }: Task): string {
  const there = lookAt(paths.checkpoint)
  return there ? `${there.ino} ${there.mtimeMs} ${there.size}` : ''
}
