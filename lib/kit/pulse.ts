/**
 * Whether processes that belong together do anything: the CPU time they have used, and whether they are stopped.
 * From /proc; where that cannot be seen there is no pulse, which says nothing.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCgroupOf, membersOf } from './cgroup.ts'
import { readGone, seesItself } from './pid.ts'
import { withVariable } from './processes.ts'
import type { Mark } from './sweep.ts'

export interface Pulse {
  /** Milliseconds of CPU used so far; without those of `idle` itself. Less than before when a process has ended. */
  readonly cpu: number
  /** The process `idle`, or all of them where it is not there, was stopped by a signal. */
  readonly stopped: boolean
}

/** Environments of all processes are read once, for all marks: pids by what the variable says. */
export function markedBy(name: string): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>()
  if (!seesItself()) return found
  for (const [pid, value] of withVariable(name)) found.set(value, [...(found.get(value) ?? []), pid])
  return found
}

/**
 * @param idle the one that uses some time although it only waits: its own does not count, that of what it started does
 * @returns null when nothing of the mark is to be seen
 */
export function pulseOf(mark: Mark, marked: readonly number[], idle: number | null): Pulse | null {
  const cgroup = mark.cgroup !== null && isCgroupOf(mark.cgroup, mark.value) ? mark.cgroup : null
  const inside = cgroup === null ? [] : membersOf(cgroup)
  const stats = [...new Set([...inside, ...marked])].flatMap((pid) => statOf(pid) ?? [])
  if (stats.length === 0) return null
  const main = stats.find(({ pid }) => pid === idle)
  const used =
    (cgroup === null ? null : cgroupTime(cgroup)) ?? sum(stats.map(({ own, ended }) => own + ended))
  return {
    cpu: Math.max(0, Math.round(used - (main?.own ?? 0))),
    stopped: main ? isStopped(main) : stats.every(isStopped),
  }
}

interface Stat {
  readonly pid: number
  readonly state: string
  /** Milliseconds that it used itself, and those of its children that have ended. */
  readonly own: number
  readonly ended: number
}

/** Linux counts hundredths of a second here, whatever its own clock is. */
const tick = 10

/** Null for one that has ended. */
function statOf(pid: number): Stat | null {
  const text = readGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The name before it may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  const state = fields?.[0] ?? 'X'
  if (!fields || state === 'Z' || state === 'X') return null
  const time = (at: number) => tick * (Number(fields[at]) || 0)
  return { pid, state, own: time(11) + time(12), ended: time(13) + time(14) }
}

/** Of all that ever was in it. */
export function cgroupTime(path: string): number | null {
  const text = readGone(() => readFileSync(join(path, 'cpu.stat'), 'utf8'))
  const used = /^usage_usec (\d+)$/m.exec(text ?? '')?.[1]
  return used === undefined ? null : Number(used) / 1000
}

/** `t`: by a debugger. */
const isStopped = ({ state }: Stat): boolean => state === 'T' || state === 't'

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
