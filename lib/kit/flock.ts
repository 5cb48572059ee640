/**
 * The kernel's locks: flock(2) on our own descriptor of a permanent file, taken by handing the descriptor
 * to flock(1). The lock belongs to the open file description, so it lives as long as any process that
 * inherited it, is released by the kernel when the last of them dies, and cannot be taken from a live holder.
 */
import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from './errors.ts'
import { diskFailure, temporaryName } from './files.ts'
import { ended, killed, start } from './proc.ts'
import { lookAt } from './read.ts'

export interface Lock {
  readonly path: string
  /** Hand this to a child (in its stdio) to let the lock outlive us. Null: of the family that cannot do it. */
  readonly fd: number | null
  /** Unlocks for everybody who shares the descriptor (a leaked child must not keep it), and closes it. */
  unlock(): Promise<void>
  /** Closes our descriptor, once: frees the lock, unless a child inherited it and so keeps it. */
  close(): void
}

/**
 * One flock(1) blocks at most so long, milliseconds: when we are killed while it does, it has no parent and
 * nobody ends it.
 */
const longestBlock = 4000

export async function tryFlock(path: string, wait: number, signal?: AbortSignal): Promise<Lock | undefined> {
  const fd = openLockFile(path)
  if (fd === undefined) return undefined
  let code: number | null
  try {
    code = await take(fd, '-x', wait, signal)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  if (code === 0) return lockOn(path, fd)
  closeSync(fd)
  if (code === 1 || signal?.aborted) return undefined
  throw new Failure('program-failed', `flock on ${path} ended with exit code ${code}`, {
    hint: 'See what it says by itself: flock --version. Which families of locks work here: dirigent doctor',
  })
}

/** The lock that our parent took and handed down as `fd`; throws `usage` when `fd` is something else. */
export function inheritedFlock(path: string, fd: number): Lock {
  if (!isSameFile(path, fd)) {
    throw new Failure('usage', `Descriptor ${fd} is not ${path}: this is started by Dirigent itself`, {
      hint: 'To start a task: dirigent spawn --spec FILE, or dirigent respawn ID',
    })
  }
  return lockOn(path, fd)
}

/** Is the file that we hold still the one under that name? Another one there can be locked by somebody else. */
export const isInPlace = ({ path, fd }: Lock): boolean => fd === null || isSameFile(path, fd)

/**
 * Is it held by anybody? Asked of the kernel by trying.
 * @param table what `lockTable` gave: a lock that it shows is not tried; one that it does not show is (it
 *   may be held in another pid namespace)
 */
export async function isFlocked(path: string, table: ReadonlySet<string>): Promise<boolean> {
  const fd = openThere(path)
  if (fd === undefined) return false
  try {
    const stat = fstatSync(fd)
    if (table.has(`${stat.dev}:${stat.ino}`)) return true
    return (await flock(['-n', '-s'], fd)) === 1
  } finally {
    closeSync(fd)
  }
}

/** Blocks until nobody holds it, without taking it; false when `signal` was aborted first. */
export async function untilFlockFree(path: string, signal: AbortSignal): Promise<boolean> {
  const fd = openThere(path)
  if (fd === undefined) return true
  try {
    return (await take(fd, '-s', Infinity, signal)) === 0
  } finally {
    closeSync(fd)
  }
}

/**
 * Every flock of somebody who has it to himself (who looks, shares it) that the kernel shows us, as `dev:inode`: one read for any number of locks, but one that stops
 * all locking on the machine for some 10 ms, so only for many. Empty where there is no /proc.
 */
export function lockTable(): ReadonlySet<string> {
  const held = new Set<string>()
  let text: string
  try {
    text = readFileSync('/proc/locks', 'utf8')
  } catch (error) {
    if (errno(error) === 'ENOENT') return held
    throw error
  }
  for (const line of text.split('\n')) {
    const match = /^\d+: FLOCK\s.*\sWRITE\s.*\s([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line)
    if (!match?.[1] || !match[2]) continue
    held.add(`${deviceNumber(Number.parseInt(match[1], 16), Number.parseInt(match[2], 16))}:${match[3]}`)
  }
  return held
}

/** Why flock cannot be used on files of this directory, or null when it can: tried with a file of its own. */
export async function flockProblem(directory: string): Promise<string | null> {
  const probe = temporaryName(join(directory, 'probe'))
  const fd = openLockFile(probe)
  if (fd === undefined) return `${directory} is gone`
  try {
    const giveUp = AbortSignal.timeout(5000)
    // With the time-out that we always give: there are flocks that do not know it (BusyBox), and waiting on those
    // would be asking over and over.
    const first = await flock(['-w', '1.000', '-x'], fd, giveUp)
    if (first !== 0) return giveUp.aborted ? 'flock does not return' : `flock ended with exit code ${first}`
    // By its path, as somebody else would.
    const second = await program(['-n', '-x', probe, 'true'], ['ignore', 'ignore', 'ignore'], giveUp)
    return second === 1 ? null : 'two processes were given one lock at the same time'
  } catch (error) {
    if (error instanceof Failure && error.code === 'flock-not-found') return 'there is no program flock'
    throw error
  } finally {
    closeSync(fd)
    unlinkSync(probe)
  }
}

/** Exit code of the last flock(1): 0 taken, 1 not within `wait`, null when `signal` was aborted. */
async function take(
  fd: number,
  how: '-x' | '-s',
  wait: number,
  signal?: AbortSignal,
): Promise<number | null> {
  if (wait === 0) return await flock(['-n', how], fd, signal)
  // Not the wall clock: somebody may set it.
  const end = performance.now() + wait
  for (;;) {
    const block = Math.max(1, Math.min(end - performance.now(), longestBlock))
    const code = await flock(['-w', (block / 1000).toFixed(3), how], fd, signal)
    if (code !== 1 || signal?.aborted || performance.now() >= end) return code
  }
}

function lockOn(path: string, fd: number): Lock {
  let open = true
  const close = () => {
    if (open) closeSync(fd)
    open = false
  }
  return {
    path,
    fd,
    close,
    async unlock() {
      try {
        await flock(['-u'], fd)
      } finally {
        close()
      }
    },
  }
}

/**
 * Undefined when its directory is gone: what it guarded has been moved away. Not blocking, and no append: what
 * stands in its place (a FIFO) must not hold us up.
 */
function openLockFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o644)
  } catch (error) {
    if (errno(error) === 'ENOENT' && !lookAt(path)) return undefined
    // ENOENT: a link that leads nowhere.
    if (['EISDIR', 'ELOOP', 'ENXIO', 'ENOENT'].includes(errno(error) ?? '')) {
      throw new Failure('corrupt-file', `${path} is not a file that can be locked`, {
        hint: `Move it away; it is made again: ls -ld ${path}`,
        cause: error,
      })
    }
    throw diskFailure(error, path)
  }
}

function openThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (['ENOENT', 'ENXIO', 'ELOOP'].includes(errno(error) ?? '')) return undefined
    throw diskFailure(error, path)
  }
}

/** Node opens descriptors of its own, so that one is open says nothing. */
export function isSameFile(path: string, fd: number): boolean {
  try {
    const [ours, given] = [statSync(path), fstatSync(fd)]
    return ours.dev === given.dev && ours.ino === given.ino
  } catch (error) {
    if (['EBADF', 'ENOENT'].includes(errno(error) ?? '')) return false
    throw error
  }
}

/** glibc's makedev, as stat reports it (majors and minors of ordinary disks). */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + major * 256 + (minor >>> 8) * 1_048_576
}

async function flock(args: string[], fd: number, signal?: AbortSignal): Promise<number | null> {
  return await program([...args, '3'], ['ignore', 'ignore', 'ignore', fd], signal)
}

/** Killed by somebody else (out of memory, say), it is started again, so often at most: locking twice is locking once. */
const mostKilled = 5

async function program(
  args: string[],
  stdio: readonly (number | 'ignore')[],
  signal?: AbortSignal,
): Promise<number | null> {
  for (let times = 1; ; times++) {
    const child = await startFlock(args, stdio)
    const give = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', give, { once: true })
    // It may have been aborted while flock was starting.
    if (signal?.aborted) give()
    const end = await ended(child)
    signal?.removeEventListener('abort', give)
    if (end.exitCode !== null || signal?.aborted) return end.exitCode
    if (times >= mostKilled) throw killed('flock', end.signal)
  }
}

async function startFlock(args: string[], stdio: readonly (number | 'ignore')[]): Promise<ChildProcess> {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C' }
    return await start('flock', args, { cwd: '/', env, stdio })
  } catch (error) {
    throw new Failure('flock-not-found', 'The program flock is needed for locks and cannot be started', {
      hint: 'Install util-linux (Debian, Fedora, Alpine: package util-linux).',
      cause: error,
    })
  }
}
