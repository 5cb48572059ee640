/**
 * A task's checkpoint, and those that it replaced: they go to the log before it is replaced, so that nothing a worker
 * wrote is lost when we die in between. Of one that a worker wrote without the verb, and too long, the end counts.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createFileOnce, outOfTheWay, renameDurable, replaceFile } from '../kit/files.ts'
import { lookAt, namesIn, readTail } from '../kit/read.ts'
import type { TaskPaths } from './paths.ts'

/** So many are kept; the oldest go. */
const mostKept = 50
const mostRead = 64 * 1024

/** Null where there is none, or nothing in it. */
export function readCheckpoint(task: TaskPaths): string | null {
  return readNote(task.checkpoint)
}

function readOldCheckpoint(task: TaskPaths, n: number): string | null {
  return readNote(task.oldCheckpoint(n))
}

function readNote(path: string): string | null {
  const text = readTail(path, mostRead).toString()
  return text.trim() === '' ? null : text
}

/** By which it is known again; null for none. */
export const checkpointHash = (text: string | null): string | null =>
  text === null ? null : createHash('sha256').update(text).digest('hex')

/**
 * Puts `text` in the checkpoint's place.
 * @returns false when it was there already
 */
export function replaceCheckpoint(task: TaskPaths, text: string): boolean {
  while (true) {
    const before = readCheckpoint(task)
    if (before === text) return false
    // What the automatic one said is in the log of its attempt.
    if (before !== null && automaticOf(before) === null) keepOld(task, before)
    const there = lookAt(task.checkpoint)
    if (there && !there.isFile()) outOfTheWay(task.checkpoint)
    const still = () => readCheckpoint(task) === before
    if (replaceFile(task.checkpoint, text, { durable: true }, still)) return true
  }
}

/** Into the log: whoever works next does not go on from there. */
export function putCheckpointAway(task: TaskPaths): void {
  if (lookAt(task.checkpoint)) renameDurable(task.checkpoint, task.oldCheckpoint(newest(task) + 1))
}

/** @returns its number */
function keepOld(task: TaskPaths, text: string): number {
  for (let n = newest(task); ; n++) {
    // Of somebody who died before it was replaced.
    if (n > 0 && readOldCheckpoint(task, n) === text) return n
    if (!createFileOnce(task.oldCheckpoint(n + 1), text)) continue
    for (const old of numbers(task))
      if (old <= n + 1 - mostKept) rmSync(task.oldCheckpoint(old), { force: true })
    return n + 1
  }
}

const newest = (task: TaskPaths): number => Math.max(0, ...numbers(task))

function numbers(task: TaskPaths): number[] {
  return namesIn(task.log).flatMap((name) => {
    const n = /^checkpoint-(\d{1,9})\.md$/.exec(name)?.[1]
    return n === undefined ? [] : [Number(n)]
  })
}

/** One that was written for a worker that wrote none. */
export interface Automatic {
  /** On which attempt. */
  readonly attempt: number
  /** Which one in the log it carries on: the newest that a worker wrote itself. */
  readonly own: number | null
}

/** One that a worker has changed since is the worker's own: the hash is of what we wrote. */
export function automaticOf(text: string): Automatic | null {
  const [line = '', attempt, own, hash] =
    /^<!-- dirigent: attempt (\d{1,6})(?:, after checkpoint-(\d{1,9}))?, ([0-9a-f]{12}) -->\n/.exec(text) ??
    []
  if (line === '' || shortHash(text.slice(line.length)) !== hash) return null
  return { attempt: Number(attempt), own: own === undefined ? null : Number(own) }
}

/** Bytes of its first line, at most. */
export const longestMark = 80

/**
 * Writes one for an attempt that has none of its own.
 * @param compose gives its text, from what a worker wrote itself before and where that is
 */
export function writeAutomatic(
  task: TaskPaths,
  attempt: number,
  compose: (own: string | null, path: string | null) => string,
): void {
  const before = readCheckpoint(task)
  const automatic = before === null ? null : automaticOf(before)
  const own = automatic ? automatic.own : before === null ? null : keepOld(task, before)
  const carried = own === null ? null : (readOldCheckpoint(task, own) ?? before)
  const body = compose(carried, own === null ? null : task.oldCheckpoint(own))
  const after = own === null ? '' : `, after checkpoint-${own}`
  replaceCheckpoint(task, `<!-- dirigent: attempt ${attempt}${after}, ${shortHash(body)} -->\n${body}`)
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)
