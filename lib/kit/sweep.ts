/**
 * Finds and ends what a process left behind. A process group misses what called setsid and a walk
 * over parents misses what was double-forked, so every process of an attempt carries a marker in its
 * environment and is found by it in /proc. What cleared its own environment is not found.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { errno } from './errors.ts'

/** Pids, ours excepted, whose environment at start had `name=value`. */
export function findMarked(name: string, value: string): number[] {
  const needle = Buffer.from(`${name}=${value}\0`)
  const found: number[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const environ = readGone(`/proc/${entry}/environ`)
    const at = environ?.indexOf(needle) ?? -1
    if (environ && at !== -1 && (at === 0 || environ[at - 1] === 0)) found.push(pid)
  }
  return found
}

/**
 * Ends everything that carries the marker: SIGTERM, up to `grace` milliseconds, then SIGKILL until
 * none is left.
 * @returns how many processes were found
 */
export async function sweepMarked(name: string, value: string, grace: number): Promise<number> {
  if (findMarked(name, value).length === 0) return 0
  // What dies with its parent needs a moment for that; it was not left behind.
  await delay(20)
  const first = findMarked(name, value)
  for (const pid of first) signal(pid, 'SIGTERM')
  const killAt = Date.now() + grace
  let left = first
  while (left.length > 0) {
    await delay(10)
    left = findMarked(name, value)
    if (Date.now() >= killAt) for (const pid of left) signal(pid, 'SIGKILL')
    // A process in uninterruptible sleep dies when its system call returns; it is not waited for.
    if (Date.now() >= killAt + 5000) break
  }
  return first.length
}

/** A process that has ended and that nobody waits for (a container without an init) does not run. */
export function isRunning(pid: number): boolean {
  const stat = readGone(`/proc/${pid}/stat`)?.toString()
  return stat !== undefined && !/^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))
}

/** Sends a signal; a process that is gone already is fine. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (errno(error) !== 'ESRCH') throw error
  }
}

/** Reads a /proc file of a process that may end meanwhile or belong to somebody else. */
function readGone(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return undefined
    throw error
  }
}
