/**
 * A cgroup (v2) for what must be ended as a whole: nothing that was started in one gets out of it by a new session,
 * another parent or an empty environment, and the kernel ends all of it at once. Where there is no cgroup file
 * system, or none that we may write to, every function here does nothing and says so.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errno } from './errors.ts'

const namePattern = /^dirigent-[0-9a-f]{24}$/

/** The name of a mark's cgroup: so it is recognised, and so that no two marks share one. */
const nameOf = (mark: string): string =>
  `dirigent-${createHash('sha256').update(mark).digest('hex').slice(0, 24)}`

/**
 * The path of the cgroup for a mark, or null where we cannot make one. It exists only while something is in it.
 * @param proc where this process describes itself
 */
export function cgroupFor(mark: string, proc = '/proc/self'): string | null {
  const home = homeOf(proc)
  if (home === null) return null
  const path = join(home, nameOf(mark))
  return allowed(() => make(path)) && (remove(path) || existsSync(path)) ? path : null
}

/** Is this recorded path what `cgroupFor` gave for the mark? Anything else is not touched. */
export function isCgroupOf(path: string, mark: string, proc = '/proc/self'): boolean {
  return basename(path) === nameOf(mark) && mountsOf(proc).some(({ point }) => isBelow(point, path))
}

/**
 * Starts something inside: we go in, call `begin`, and come out. What `begin` starts is inside from its first
 * instruction; moved in afterwards, it could have left something outside. Without a cgroup, `begin` is just called.
 */
export async function startInside<T>(path: string | null, begin: () => T | Promise<T>): Promise<T> {
  const inside = goInside(path)
  try {
    return await inside.start(begin)
  } finally {
    await inside.leave()
  }
}

export interface Inside {
  /** As soon as we are in; and then we come out. */
  start<T>(begin: () => T | Promise<T>): Promise<T>
  /** For who does not come to `start`. */
  leave(): Promise<void>
}

/**
 * Going in takes the kernel some 10 ms, which is time for what has to be ready before `start`; a program that is
 * started then may be inside, too.
 */
export function goInside(path: string | null): Inside {
  const entered = path === null ? Promise.resolve(false) : enter(path)
  // Whoever waits for it is told.
  entered.catch(() => undefined)
  let isIn = true
  const leave = (wasIn: boolean) => {
    if (isIn && wasIn && path !== null) allowed(() => moveTo(dirname(path)))
    isIn = false
  }
  return {
    async start(begin) {
      const wasIn = await entered
      try {
        // Not waited for: what else we start meanwhile is not to be inside.
        return begin()
      } finally {
        leave(wasIn)
      }
    },
    leave: async () => leave(await entered),
  }
}

/** Pids in it and in the cgroups below it, ours excepted. Empty when it is not there. */
export function membersOf(path: string): number[] {
  const own = (readAllowed(join(path, 'cgroup.procs')) ?? '').split('\n').map(Number)
  // 0: in a pid namespace that we do not see into.
  return [...own.filter((pid) => pid > 0 && pid !== process.pid), ...childrenOf(path).flatMap(membersOf)]
}

/** Ends all that is in it, at once. False where the kernel cannot (before 5.14), or when we are inside ourselves. */
export function killCgroup(path: string): boolean {
  const file = join(path, 'cgroup.kill')
  return !isInside(path) && existsSync(file) && allowed(() => writeFileSync(file, '1'))
}

/** Removes it once it is empty, which takes the kernel a moment after the last end. */
export async function removeCgroup(path: string): Promise<void> {
  for (const giveUp = Date.now() + 500; !remove(path) && existsSync(path) && Date.now() < giveUp; )
    await delay(5)
}

/** Leaves the cgroup of a mark, when this process was started inside one: what it starts now is to live on. */
export function leaveCgroup(proc = '/proc/self'): void {
  const [home, own] = [homeOf(proc), ownPath(proc)]
  if (home !== null && own !== null && own !== home) allowed(() => moveTo(home))
}

interface Mount {
  /** What of the hierarchy is mounted. */
  readonly root: string
  /** Where. */
  readonly point: string
}

/** Where the cgroups of this process's making go: beside it, and never inside another mark's. */
function homeOf(proc: string): string | null {
  const own = ownPath(proc)
  if (own === null) return null
  const parts = own.split('/')
  const at = parts.findIndex((part) => namePattern.test(part))
  return at === -1 ? own : parts.slice(0, at).join('/')
}

/** The directory of the cgroup that this process is in, or null where it is not to be seen. */
function ownPath(proc: string): string | null {
  const own = /^0::(\/.*)$/m.exec(readAllowed(join(proc, 'cgroup')) ?? '')?.[1]
  if (own === undefined) return null
  const mount = mountsOf(proc).find(({ root }) => root === own || isBelow(root, own))
  return mount ? join(mount.point, relative(mount.root, own)) : null
}

/** Every cgroup2 mount; on a hybrid layout it stands beside the old hierarchies. */
function mountsOf(proc: string): Mount[] {
  return (readAllowed(join(proc, 'mountinfo')) ?? '').split('\n').flatMap((line) => {
    const [, , , root, point] = line.split(' ')
    const kind = line.split(' - ')[1]?.split(' ')[0]
    return kind === 'cgroup2' && root && point ? [{ root: plain(root), point: plain(point) }] : []
  })
}

/** Blanks and the like are octal in mountinfo. */
const plain = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

function isBelow(above: string, path: string): boolean {
  const way = relative(above, path)
  return path.startsWith('/') && join(path) === path && way !== '' && !way.split('/').includes('..')
}

const isInside = (path: string): boolean => {
  const own = ownPath('/proc/self')
  return own !== null && (own === path || isBelow(path, own))
}

/** Whoever removes empty ones may do so between the two steps. */
async function enter(path: string): Promise<boolean> {
  for (let n = 0; n < 3; n++) {
    if (!allowed(() => make(path))) return false
    if (await moveSoon(path)) return true
    if (existsSync(path)) return false
  }
  return false
}

function make(path: string): void {
  if (!existsSync(path)) mkdirSync(path)
}

/** Moves this process, with all its threads. */
const moveTo = (path: string): void => writeFileSync(join(path, 'cgroup.procs'), '0')

/** The same, without holding up whatever else we do. */
async function moveSoon(path: string): Promise<boolean> {
  try {
    await writeFile(join(path, 'cgroup.procs'), '0')
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** With the cgroups below it; a worker may have made some. */
function remove(path: string): boolean {
  for (const child of childrenOf(path)) remove(child)
  return allowed(() => rmdirSync(path))
}

function childrenOf(path: string): string[] {
  let children: string[] = []
  allowed(() => {
    const entries = readdirSync(path, { withFileTypes: true })
    children = entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name))
  })
  return children
}

function readAllowed(path: string): string | undefined {
  let text: string | undefined
  allowed(() => {
    text = readFileSync(path, 'utf8')
  })
  return text
}

/** Gone; not ours; read-only; no more allowed (ENOSPC, EAGAIN); in use; of a kind that takes no processes. */
const refusals =
  'ENOENT ENOTDIR ENODEV EACCES EPERM EROFS ENOSPC EAGAIN ENOMEM EBUSY EEXIST EOPNOTSUPP EINVAL ESRCH'

/** False when the kernel will not; any other error is real. */
function allowed(act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

const isRefusal = (error: unknown): boolean => refusals.split(' ').includes(errno(error) ?? '')
