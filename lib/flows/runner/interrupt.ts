/**
 * Asking a runner to end, and a runner noticing: stop.json is the request, a signal only hurries it. A runner that
 * somebody has followed ends, too.
 */
import { rmSync } from 'node:fs'
import { Failure } from '../../kit/errors.ts'
import { outOfTheWay } from '../../kit/files.ts'
import { lookAt } from '../../kit/read.ts'
import { lateness } from '../../state/owner.ts'
import type { TaskPaths } from '../../state/paths.ts'
import { readStatus } from '../../state/read-status.ts'
import { readRecord } from '../../state/record.ts'
import { type StopRequest, stop } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Task } from '../../state/tasks.ts'

export interface Interrupt {
  /** Aborted as soon as the runner should end. */
  readonly signal: AbortSignal
  /** Why; null while it should not. `request` is null when nobody asked for it: a shutdown, or it is late. */
  cause(): { readonly request: StopRequest | null } | null
  close(): void
}

/** How often it is looked for a request, and every how many looks whether somebody took the task over. */
const lookEvery = 200
const ownerEvery = 5

/** Watches for a request to end the task's attempt, and for somebody who took the task over. */
export function watchInterrupt(task: Task): Interrupt {
  const controller = new AbortController()
  /** By a signal, or because the task is somebody else's now. */
  let ended = false
  let looks = 0
  const look = () => {
    looks += 1
    if (looks % ownerEvery === 0 && isLate(task)) ended = true
    if (ended || requestFor(task)) controller.abort()
  }
  const onSignal = () => {
    ended = true
    controller.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const timer = setInterval(look, lookEvery)
  timer.unref()
  look()
  return {
    signal: controller.signal,
    cause() {
      const request = requestFor(task)
      return request || ended ? { request } : null
    },
    close() {
      clearInterval(timer)
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
}

/** What is asked of the task now. A request to begin again is for one attempt, and void once that does not run any more. */
export function requestFor(task: Task): StopRequest | null {
  const request = lookAt(task.paths.stop) ? requestIn(task.paths) : null
  if (!request?.restart) return request
  const now = statusNow(task)
  return now.state === 'running' && now.attempt === request.restart.attempt ? request : null
}

/** What cannot be read is dealt with by whoever changes it next. */
function statusNow(task: Task): Task['status'] {
  try {
    return readStatus(task.paths)?.value ?? task.status
  } catch (error) {
    if (error instanceof Failure) return task.status
    throw error
  }
}

/** What an attempt fails of that is to begin again; null when nobody asked for that. */
export function restartOf(request: StopRequest | null | undefined): TaskFailure | null {
  const restart = request?.restart
  if (!restart) return null
  const { class: kind, message, not_before: retry_at } = restart
  return { class: kind, message, retryable: true, retry_at, detail: null }
}

/** Something was put there so that the attempt ends: that much counts also where the rest cannot be read. */
function requestIn(paths: TaskPaths): StopRequest | null {
  try {
    return readRecord(paths.stop, stop) ?? null
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return {
      version: 1,
      at: new Date().toISOString(),
      cancel: false,
      by: 'an unreadable stop.json',
      restart: null,
    }
  }
}

/** What cannot be read says nothing about who owns the task. */
function isLate(task: Task): boolean {
  try {
    return lateness(task) !== null
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

/** The attempt has ended; a request to stop, which may have come meanwhile, still stands. */
export function clearRestart(task: TaskPaths): void {
  if (lookAt(task.stop) && requestIn(task)?.restart) clearStop(task)
}

/** The request has been carried out. */
export function clearStop(task: TaskPaths): void {
  // What is no file was not written by us, and may hold something.
  if (lookAt(task.stop)?.isDirectory()) outOfTheWay(task.stop)
  else rmSync(task.stop, { force: true })
}
