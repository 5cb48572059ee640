/** The audit trail of a task (durable) and the feed of all tasks (a hint: cheap, may miss its end). */
import { existsSync } from 'node:fs'
import { appendLine } from '../kit/append.ts'
import { diskTrouble } from '../kit/disk.ts'
import { makeOwnDirectory, writeFileDurable, writeFileSynced } from '../kit/files.ts'
import { readTail } from '../kit/read.ts'
import { appendToFeed } from './feed-file.ts'
import type { StatePaths, TaskPaths } from './paths.ts'
import { type Event, parseEvent } from './schema/event.ts'

export function record(paths: StatePaths, task: TaskPaths, entry: Event): void {
  const line = JSON.stringify(entry)
  // A worker may have put something else in its place; a task that was moved away is not made again.
  if (existsSync(task.directory)) makeOwnDirectory(task.log)
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
  try {
    appendToFeed(paths.feed, JSON.stringify(entry))
  } catch (error) {
    // What the line tells of has happened all the same; other writers will say that the disk is full.
    if (!diskTrouble(error)) throw error
  }
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

/** Every event, and the lines that are none: torn, or not ours. Of a trail that is far too long, its end. */
export function readWholeTrail(task: TaskPaths): { events: Event[]; skipped: string[] } {
  const events: Event[] = []
  const skipped: string[] = []
  for (const line of readTail(task.trail, mostOfTrail).toString().split('\n').slice(-mostLines)) {
    const parsed = line === '' ? undefined : parseEvent(line)
    if (parsed) events.push(parsed)
    else if (line !== '') skipped.push(line)
  }
  return { events, skipped }
}

/** A task's own trail has some hundred lines; what is more was not written by us. */
const mostOfTrail = 16 * 1024 * 1024
const mostLines = 100_000

/** The same trail with these events only; the caller holds run.lock. */
export function rewriteTrail(task: TaskPaths, events: readonly Event[]): void {
  writeFileDurable(task.trail, events.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
}
