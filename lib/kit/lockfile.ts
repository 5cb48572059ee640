/**
 * Locks where the kernel's cannot be had (no flock(1), or a file share on which they do not exclude each
 * other): proper-lockfile, a directory whose age says whether its holder lives. The promise is weaker. It
 * cannot be handed to a child; a holder that does not get to run for `stale` milliseconds (a stopped process,
 * a clock that was set) loses it while it believes to have it; and it polls. Whoever finds out that its lock
 * was taken ends itself by SIGTERM, which for a runner means: end the worker, go on later.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { errno } from './errors.ts'
import { diskFailure } from './files.ts'
import type { Lock } from './flock.ts'

const stale = 10_000
const update = 2000
const pollEvery = 50

export async function tryLockfile(
  path: string,
  wait: number,
  signal?: AbortSignal,
): Promise<Lock | undefined> {
  const { lock, unlockSync } = await library()
  const end = performance.now() + wait
  for (;;) {
    try {
      await lock(path, { stale, update, realpath: false, onCompromised: lost })
      let held = true
      const close = () => {
        if (held) release(() => unlockSync(path, { realpath: false }))
        held = false
      }
      return { path, fd: null, close, unlock: async () => close() }
    } catch (error) {
      if (errno(error) === 'ENOENT') return undefined
      if (errno(error) !== 'ELOCKED') throw diskFailure(error, path)
    }
    if (signal?.aborted || performance.now() >= end) return undefined
    await delay(Math.min(pollEvery, Math.max(1, end - performance.now())))
  }
}

export async function isLockfileHeld(path: string): Promise<boolean> {
  const { check } = await library()
  return await check(path, { stale, realpath: false })
}

/** Polls until nobody holds it; false when `signal` was aborted first. */
export async function untilLockfileFree(path: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (!(await isLockfileHeld(path))) return true
    await delay(pollEvery)
  }
  return false
}

/** Taken over as stale, or its directory moved away with what it guarded: there is nothing to release then. */
function release(unlock: () => void): void {
  try {
    unlock()
  } catch (error) {
    if (!['ENOTACQUIRED', 'ERELEASED', 'ENOENT'].includes(errno(error) ?? '')) throw error
  }
}

function lost(): void {
  process.kill(process.pid, 'SIGTERM')
}

/** Loaded only where it is needed: it costs every verb 10 ms. */
async function library(): Promise<typeof import('proper-lockfile')> {
  return await import('proper-lockfile')
}
