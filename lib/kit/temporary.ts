/**
 * Names for files that are written beside and renamed in, and whether the one who made such a name is gone.
 * The name says who: pid, when that process started, and which boot and pid namespace the two belong to. So
 * neither a pid that came round again nor one of another container passes for the maker.
 */
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { findProcess, ourselves, type ProcessHint } from './pid.ts'

let serial = 0

/** A name that no other process and no earlier call uses; also across pid namespaces. */
export function temporaryName(path: string): string {
  serial += 1
  const { pid, ticks } = self()
  const parts = [pid, ticks ?? 0, Date.now(), serial].map((part) => part.toString(36))
  const random = Math.random().toString(36).slice(2, 8)
  return join(dirname(path), `.tmp-${basename(path).slice(0, 60)}-${home()}.${parts.join('.')}.${random}`)
}

export const isTemporaryName = (name: string): boolean => name.startsWith('.tmp-')

/** After so long, what a maker left that we cannot look up is nobody's any more. */
const foreignLife = 3_600_000

/**
 * Is whoever made this temporary name gone? One of another machine, container or boot, and one whose name says
 * nothing, counts as gone after an hour without a change.
 */
export function isAbandoned(name: string, modified: number, now: number): boolean {
  const maker = makerOf(name)
  const state = maker === null ? 'unknown' : findProcess(maker)
  return state === 'gone' || (state === 'unknown' && now - modified > foreignLife)
}

/** `<hash of boot and namespace>.<pid>.<ticks>.<time>.<serial>.<random>`; git adds `.lock` to its index's name. */
const signature = /-([0-9a-f]{8})\.([0-9a-z]+)\.([0-9a-z]+)\.[0-9a-z]+\.[0-9a-z]+\.[0-9a-z]*(?:\.lock)?$/

function makerOf(name: string): ProcessHint | null {
  const [, where, pid, ticks] = signature.exec(name) ?? []
  if (where !== home() || pid === undefined || ticks === undefined) return null
  return { ...self(), pid: Number.parseInt(pid, 36), ticks: Number.parseInt(ticks, 36) || null }
}

let known: ProcessHint | undefined
let hash: string | undefined

function self(): ProcessHint {
  known ??= ourselves()
  return known
}

/** This boot and this pid namespace: pids mean something only within them. */
function home(): string {
  const { boot, host, pid_namespace } = self()
  hash ??= createHash('sha256')
    .update(`${boot} ${pid_namespace ?? host}`)
    .digest('hex')
    .slice(0, 8)
  return hash
}
