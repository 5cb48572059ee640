/** Asking a runner to end, and a runner noticing: stop.json is the request, a signal only hurries it. */
import { existsSync, rmSync } from 'node:fs'
import type { TaskPaths } from '../../state/paths.ts'
import { readRecord } from '../../state/record.ts'
import { type StopRequest, stop } from '../../state/schema/attempt.ts'

export interface Interrupt {
  /** Aborted as soon as the runner should end. */
  readonly signal: AbortSignal
  /** Why; null while it should not. `request` is null when only a signal came (shutdown): go on later. */
  cause(): { readonly request: StopRequest | null } | null
  close(): void
}

/** Watches for a request to end the task's attempt. */
export function watchInterrupt(task: TaskPaths): Interrupt {
  const controller = new AbortController()
  let signalled = false
  const look = () => {
    if (existsSync(task.stop)) controller.abort()
  }
  const onSignal = () => {
    signalled = true
    controller.abort()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const timer = setInterval(look, 200)
  timer.unref()
  look()
  return {
    signal: controller.signal,
    cause() {
      const request = readRecord(task.stop, stop) ?? null
      return request || signalled ? { request } : null
    },
    close() {
      clearInterval(timer)
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
}

/** The request has been carried out. */
export function clearStop(task: TaskPaths): void {
  rmSync(task.stop, { force: true })
}
