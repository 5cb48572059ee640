/**
 * A crash between the two writes of a transition leaves status.json ahead of the trail: status.json is what
 * was decided, and the trail is made to say so. Callers hold the task's run.lock.
 */
import { cut } from '../kit/text.ts'
import { readTrail, readWholeTrail, record, rewriteTrail } from '../state/journal.ts'
import type { Event } from '../state/schema/event.ts'
import type { Task } from '../state/tasks.ts'
import { trail } from './advance.ts'
import type { Context } from './context.ts'

/** The state that the trail's last transition leads to, when that is not the task's; null when they agree. */
export function trailGap(task: Task, events: readonly Event[]): string | null {
  const last = events.findLast(({ to }) => to !== undefined)?.to
  return last === task.status.state ? null : (last ?? 'nothing')
}

/** Adds the transition that a crash has kept out of the trail, if one is missing. */
export function writeMissing(context: Context, task: Task): void {
  const newest = readTrail(task.paths, 50).events
  if (trailGap(task, newest) === null) return
  // The last transition may lie further back.
  const { events } = readWholeTrail(task.paths)
  if (trailGap(task, events) === null) return
  const from = events.findLast(({ to }) => to !== undefined)?.to
  record(context.paths, task.paths, {
    at: task.status.since,
    task: task.id,
    type: 'state',
    attempt: task.status.attempt,
    ...(from === undefined ? {} : { from }),
    to: task.status.state,
    text: `${task.status.reason ?? ''} (written later: a crash had cut it short)`.trim(),
  })
}

/** Takes unreadable lines out; what they were is quoted in a line of its own. */
export function cleanTrail(context: Context, task: Task): void {
  const { events, skipped } = readWholeTrail(task.paths)
  if (skipped.length === 0) return
  rewriteTrail(task.paths, events)
  const quoted = skipped.map((line) => JSON.stringify(cut(line, 200))).join(' ')
  trail(context, task, 'note', `unreadable lines were taken out of this trail: ${cut(quoted, 1500)}`)
}
