/**
 * Asking a runner to end, and a runner noticing: stop.json is the request, a signal only hurries it. A runner that
 * somebody has followed ends, too.
 */
import { existsSync, rmSync } from 'node:fs'
import { Failure } from '../../kit/errors.ts'
import { outOfTheWay } from '../../kit/files.ts'
import { lookAt } from '../../kit/read.ts'
import { lateness } from '../../state/owner.ts'
import type { TaskPaths } from '../../state/paths.ts'
import { readRecord } from '../../state/record.ts'
import { type StopRequest, stop } from '../../state/schema/attempt.ts'
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
    if (ended || existsSync(task.paths.stop)) controller.abort()
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
      const request = requestIn(task.paths)
      return request || ended ? { request } : null
    },
    close() {
      clearInterval(timer)
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
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

/** The request has been carried out. */
export function clearStop(task: TaskPaths): void {
  // What is no file was not written by us, and may hold something.
  if (lookAt(task.stop)?.isDirectory()) outOfTheWay(task.stop)
  else rmSync(task.stop, { force: true })
}
