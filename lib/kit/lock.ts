/**
 * Locks between processes, of one of two families. The kernel's (`flock.ts`) wherever they work: free the
 * moment the last holder dies, never taken from a live one, handed down to children. Where they do not,
 * proper-lockfile (`lockfile.ts`), with its weaker promise. A directory uses one family and never both at
 * once, since they do not exclude each other; which one is found by trying, once, and recorded by the caller.
 *
 * Lock files are permanent: never unlinked, so that two processes never lock two files of one name.
 */
import { sep } from 'node:path'
import { Failure } from './errors.ts'
import {
  flockProblem,
  inheritedFlock,
  isFlocked,
  isSameFile,
  type Lock,
  tryFlock,
  untilFlockFree,
} from './flock.ts'
import { isLockfileHeld, tryLockfile, untilLockfileFree } from './lockfile.ts'

export { isInPlace, type Lock, lockTable } from './flock.ts'

export const lockFamilies = ['flock', 'proper-lockfile'] as const
export type LockFamily = (typeof lockFamilies)[number]

/** Directories whose locks are not the kernel's. */
const weak = new Set<string>()

/** From now on this process takes locks below `directory` from this family. */
export function useLocks(directory: string, family: LockFamily): void {
  if (family === 'flock') weak.delete(directory)
  else weak.add(directory)
}

/**
 * Why the kernel's locks cannot be used in a directory, or null when they can. Found by trying: two processes
 * and one file, because some file shares give a lock to both.
 */
export async function kernelLockProblem(directory: string): Promise<string | null> {
  return await flockProblem(directory)
}

/**
 * Takes the lock, or undefined when it is still held after `wait` milliseconds (0: do not wait;
 * Infinity: for ever), when `signal` is aborted, or when the directory it lies in is gone.
 */
export async function tryLock(path: string, wait = 0, signal?: AbortSignal): Promise<Lock | undefined> {
  if (signal?.aborted) return undefined
  return isWeak(path) ? await tryLockfile(path, wait, signal) : await tryFlock(path, wait, signal)
}

/** Milliseconds that those who only look may take, on a machine that is very busy. */
const longestLook = 10_000

/**
 * The same, but whoever only asks whether it is held does not count: they share it for a moment. Not told from those who
 * have it, they would keep what is to be done from being done by the only one who comes to do it.
 */
export async function tryLockPastLooks(path: string, wait = 0): Promise<Lock | undefined> {
  const taken = await tryLock(path, wait)
  return taken || (await isLocked(path)) ? taken : await tryLock(path, longestLook)
}

/** Takes the lock; waits at most `wait` milliseconds, then fails with `lock-busy`. */
export async function lock(path: string, wait: number): Promise<Lock> {
  const taken = await tryLock(path, wait)
  if (taken) return taken
  throw new Failure('lock-busy', `${path} is still locked after ${Math.round(wait / 1000)} s`, {
    hint: `See who holds it: fuser -v ${path}`,
    retryable: true,
  })
}

/** Runs `work` under the lock. */
export async function withLock<T>(path: string, wait: number, work: () => Promise<T>): Promise<T> {
  const held = await lock(path, wait)
  try {
    return await work()
  } finally {
    held.close()
  }
}

/** Can this lock be handed to a child, so that it is never free on the way? */
export const handsDown = (path: string): boolean => !isWeak(path)

/**
 * The lock that our parent took for us: as descriptor `fd` from the kernel's family (throws `usage` when it
 * is something else); from the other family our parent had to let go of it, and we take it ourselves.
 */
export async function inheritedLock(path: string, fd: number): Promise<Lock> {
  return isWeak(path) ? await lock(path, 15_000) : inheritedFlock(path, fd)
}

/** Did our parent hand this lock down to us as descriptor `fd`? */
export const isInherited = (path: string, fd: number): boolean => !isWeak(path) && isSameFile(path, fd)

/**
 * Is it held by anybody?
 * @param table what `lockTable` gave, when many are asked for
 */
export async function isLocked(path: string, table: ReadonlySet<string> = new Set()): Promise<boolean> {
  return isWeak(path) ? await isLockfileHeld(path) : await isFlocked(path, table)
}

/** Waits until nobody holds it, without taking it; false when `signal` was aborted first. */
export async function untilFree(path: string, signal: AbortSignal): Promise<boolean> {
  return isWeak(path) ? await untilLockfileFree(path, signal) : await untilFlockFree(path, signal)
}

function isWeak(path: string): boolean {
  for (const directory of weak) if (path.startsWith(directory + sep)) return true
  return false
}
