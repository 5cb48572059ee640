/** The audit trail of a task (durable) and the feed of all tasks (a hint: cheap, may miss its end). */
import { existsSync } from 'node:fs'
import { appendLine, writeFileSynced } from '../kit/files.ts'
import { readTail } from '../kit/read.ts'
import type { StatePaths, TaskPaths } from './paths.ts'
import { type Event, parseEvent } from './schema/event.ts'

export function record(paths: StatePaths, task: TaskPaths, entry: Event): void {
  const line = JSON.stringify(entry)
  appendLine(task.trail, line)
  announce(paths, entry)
}

/** The first line of a trail whose directory is still private; the caller syncs and renames that. */
export function beginTrail(paths: StatePaths, task: TaskPaths, entry: Event): void {
  const line = JSON.stringify(entry)
  writeFileSynced(task.trail, `${line}\n`)
  announce(paths, entry)
}

/** To the feed only: for those who wait. */
export function announce(paths: StatePaths, entry: Event): void {
  appendLine(paths.feed, JSON.stringify(entry), { durable: false })
}

/** The newest `limit` events of a task; torn or foreign lines are skipped and counted. */
export function readTrail(task: TaskPaths, limit: number): { events: Event[]; skipped: number } {
  if (!existsSync(task.trail)) return { events: [], skipped: 0 }
  const events: Event[] = []
  let skipped = 0
  const lines = readTail(task.trail, limit * 1000)
    .toString()
    .split('\n')
  for (const line of lines.filter((text) => text !== '').slice(-limit)) {
    const parsed = parseEvent(line)
    if (parsed) events.push(parsed)
    else skipped += 1
  }
  return { events, skipped }
}
