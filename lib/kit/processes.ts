/**
 * What runs on this machine, as far as /proc shows it to us: whose environment has a variable, who has a file
 * open, where somebody is. Nothing on systems without /proc; processes of other users and of other
 * namespaces are not seen.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readGone } from './pid.ts'

export function pids(): number[] {
  if (!existsSync('/proc/self')) return []
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** Processes, ours excepted, with the variable in their environment at start: pid → value. */
export function withVariable(name: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const pid of pids()) {
    if (pid === process.pid) continue
    const entry = readProc(pid, 'environ')
      .split('\0')
      .find((text) => text.startsWith(`${name}=`))
    if (entry !== undefined) found.set(pid, entry.slice(name.length + 1))
  }
  return found
}

/** Which of these files somebody has open: path → pids, ours excepted. */
export function openBy(paths: ReadonlySet<string>): Map<string, number[]> {
  const found = new Map<string, number[]>()
  if (paths.size === 0) return found
  for (const pid of pids()) {
    if (pid === process.pid) continue
    for (const path of new Set(openFiles(pid)))
      if (paths.has(path)) found.set(path, [...(found.get(path) ?? []), pid])
  }
  return found
}

function openFiles(pid: number): string[] {
  const fds = readGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  return fds.map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
}

/** What its standard output goes to; empty when that cannot be seen. */
export const outputOf = (pid: number): string => linkOf(`/proc/${pid}/fd/1`)

/** The directory it is in; empty when that cannot be seen. */
export const directoryOf = (pid: number): string => linkOf(`/proc/${pid}/cwd`)

/** Its program and arguments; empty when it has ended. */
export const commandOf = (pid: number): string[] => readProc(pid, 'cmdline').split('\0').slice(0, -1)

/** 0 when it has ended. */
export function parentOf(pid: number): number {
  const stat = readProc(pid, 'stat')
  return Number(stat.slice(stat.lastIndexOf(')') + 1).split(' ')[2] ?? 0)
}

const linkOf = (path: string): string => readGone(() => readlinkSync(path)) ?? ''

const readProc = (pid: number, file: string): string =>
  readGone(() => readFileSync(`/proc/${pid}/${file}`, 'latin1')) ?? ''
