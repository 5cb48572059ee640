/** What happened to a task: its trail, or the newest attempt's own event stream. */
import { existsSync } from 'node:fs'
import { Failure } from '../kit/errors.ts'
import { isLocked } from '../kit/lock.ts'
import { readOn, readTail } from '../kit/read.ts'
import { watchPaths } from '../kit/watch.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { readTrail } from '../state/journal.ts'
import type { Event } from '../state/schema/event.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { settleIfWritable } from './settle.ts'

export interface Log {
  readonly task: Task
  readonly events: readonly Event[]
  /** Lines that could not be read. */
  readonly skipped: number
}

export async function readLog(context: Context, id: string, lines: number): Promise<Log> {
  loadTask(context.paths, id)
  await settleIfWritable(context)
  const task = loadTask(context.paths, id)
  return { task, ...readTrail(task.paths, lines) }
}

/** The last lines of the newest attempt's event stream, as the worker wrote them. */
export function readRaw(context: Context, id: string, lines: number): string[] {
  const task = loadTask(context.paths, id)
  const { stream } = task.paths.attempt(Math.max(1, task.status.attempt))
  if (!existsSync(stream)) {
    throw new Failure('nothing-logged', `${id} has no event stream yet: no worker was started`, {
      hint: `See why: dirigent status ${id}`,
    })
  }
  return readTail(stream, 4 * 1024 * 1024)
    .toString()
    .trimEnd()
    .split('\n')
    .slice(-lines)
}

/** Gives `print` each new line until the task rests or `abort`. @param raw the event stream, not the trail */
export async function follow(
  context: Context,
  id: string,
  raw: boolean,
  print: (line: string) => void,
  abort: AbortSignal,
): Promise<void> {
  let attempt = 0
  let offset = 0
  let rest = ''
  const begun = loadTask(context.paths, id)
  const watch = await watchPaths([begun.paths.log, begun.paths.directory], 300)
  try {
    while (!abort.aborted) {
      const task = reload(context.paths, id)
      if (!task) return
      // The state is written before the trail, both under the lock: when it is free, what follows is all there is.
      const over = isResting(task) && !(await isLocked(task.paths.runLock))
      const path = raw ? task.paths.attempt(Math.max(1, task.status.attempt)).stream : task.paths.trail
      if (raw && task.status.attempt !== attempt) {
        attempt = task.status.attempt
        offset = 0
      }
      const chunk = readOn(path, offset, 1024 * 1024)
      offset += chunk.length
      const pieces = (rest + chunk.toString()).split('\n')
      rest = pieces.pop() ?? ''
      for (const line of pieces.filter((piece) => piece !== '')) print(line)
      // Archived since we looked at it: its last lines are in the other place.
      const moved = !existsSync(task.paths.directory)
      if (over && chunk.length === 0 && !moved) return
      await watch.changed(1000)
      await settleIfWritable(context)
    }
  } finally {
    await watch.close()
  }
}

function isResting(task: Task): boolean {
  return isEnded(task.status) || ['failed', 'waiting', 'review'].includes(task.status.state)
}
