/**
 * Recorded pids, and whether they still mean the process they were written down for. A pid is a hint, never a
 * proof: it counts only in the boot and the pid namespace it comes from, and only with the same start time.
 * Even then it may be another process, started in the same hundredth of a second. So nothing is signalled
 * for its pid alone; who lives is asked of the locks.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errno } from './errors.ts'

export interface ProcessHint {
  readonly pid: number
  readonly boot: string
  readonly host: string
  /** Start time, in clock ticks since boot; null when it is not known. */
  readonly ticks: number | null
  /** Null when it is not known. */
  readonly pid_namespace: string | null
}

/** This process, for others to recognise. */
export function ourselves(): ProcessHint {
  const pid_namespace = namespaceOf('self')
  return { pid: process.pid, boot: bootId(), host: hostname(), ticks: ticksOf('self'), pid_namespace }
}

/**
 * Where a recorded process is now: its pid as we would have to call it, `gone`, or `unknown` when that cannot be
 * seen from here (another machine, another boot, a pid namespace beside or above ours).
 */
export function findProcess(hint: ProcessHint): number | 'gone' | 'unknown' {
  if (hint.boot !== bootId() || !seesItself()) return 'unknown'
  const here = namespaceOf('self')
  const same = hint.pid_namespace === null ? hint.host === hostname() : hint.pid_namespace === here
  if (same) return isStill(hint.pid, hint) ? hint.pid : 'gone'
  return hint.pid_namespace === null ? 'unknown' : findBelow(hint, hint.pid_namespace)
}

/** Only what certainly lives no more; `unknown` is no answer. */
export const isGone = (hint: ProcessHint): boolean => findProcess(hint) === 'gone'

/** A process that has ended and that nobody waits for (a container without an init) does not run. */
export function isRunning(pid: number): boolean {
  const stat = statOf(String(pid))
  return stat !== undefined && !['Z', 'X'].includes(stat[0] ?? '')
}

/** Halted by a signal, or by a debugger: it has what it has, and does nothing. */
export const isStopped = (pid: number): boolean => /^[Tt]/.test(statOf(String(pid))?.[0] ?? '')

/** Null for one without a parent that we can see. */
export function parentOf(pid: number): number | null {
  const parent = Number(statOf(String(pid))?.[1])
  return parent > 0 ? parent : null
}

/** Sends a signal. False when the process is gone, or not ours to signal. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch (error) {
    if (errno(error) === 'ESRCH' || errno(error) === 'EPERM') return false
    throw error
  }
}

/** False in a pid namespace that looks at another one's /proc: the pids in it are not ours to use. */
export function seesItself(): boolean {
  return readGone(() => readlinkSync('/proc/self')) === String(process.pid)
}

/** Identifies this boot of this machine: pids of another one mean nothing. */
export function bootId(): string {
  boot ??= readGone(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? hostname()
  return boot
}
let boot: string | undefined

/** The text of something in /proc; undefined when its process ends meanwhile or is somebody else's. */
export function readGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return undefined
    throw error
  }
}

function isStill(pid: number, hint: ProcessHint): boolean {
  return isRunning(pid) && (hint.ticks === null || ticksOf(String(pid)) === hint.ticks)
}

/** In a namespace below ours we see its processes under pids of our own. Not seeing any says nothing. */
function findBelow(hint: ProcessHint, namespace: string): number | 'gone' | 'unknown' {
  const there = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && namespaceOf(pid) === namespace)
  const found = there.find((pid) => innermostPid(pid) === hint.pid && isStill(Number(pid), hint))
  if (found !== undefined) return Number(found)
  return there.length > 0 ? 'gone' : 'unknown'
}

function innermostPid(pid: string): number | undefined {
  const status = readGone(() => readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(/^NSpid:.*\s(\d+)$/m.exec(status ?? '')?.[1])
}

function namespaceOf(pid: string): string | null {
  return readGone(() => readlinkSync(`/proc/${pid}/ns/pid`)) ?? null
}

function ticksOf(pid: string): number | null {
  const ticks = Number(statOf(pid)?.[19])
  return Number.isInteger(ticks) ? ticks : null
}

/** The fields after the name, which may hold anything: state first, start time twentieth. */
function statOf(pid: string): string[] | undefined {
  const stat = readGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}
