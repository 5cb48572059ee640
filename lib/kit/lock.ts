/**
 * Kernel locks: flock(2) on our own descriptor of a permanent file, taken by handing the descriptor
 * to flock(1). The lock belongs to the open file description, so it lives as long as any process
 * that inherited it, is released by the kernel when the last of them dies, and cannot be taken from
 * a live holder. Lock files are never unlinked.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { errno, Failure } from './errors.ts'
import { diskFailure } from './files.ts'
import { ended, start } from './proc.ts'

export interface Lock {
  readonly path: string
  /** Hand this to a child (in its stdio) to let the lock outlive us. */
  readonly fd: number
  /** Unlocks for everybody who shares the descriptor (a leaked child must not keep it), and closes it. */
  unlock(): Promise<void>
  /** Closes our descriptor, once: frees the lock, unless a child inherited it and so keeps it. */
  close(): void
}

/**
 * Takes the lock, or undefined when it is still held after `wait` milliseconds (0: do not wait;
 * Infinity: for ever), when `signal` is aborted, or when the directory it lies in is gone.
 */
export async function tryLock(path: string, wait = 0, signal?: AbortSignal): Promise<Lock | undefined> {
  if (signal?.aborted) return undefined
  const fd = openLockFile(path)
  if (fd === undefined) return undefined
  const how = wait === Infinity ? [] : wait > 0 ? ['-w', (wait / 1000).toFixed(3)] : ['-n']
  let code: number | null
  try {
    code = await flock([...how, '-x'], fd, signal)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  if (code === 0) return lockOn(path, fd)
  closeSync(fd)
  if (code === 1 || signal?.aborted) return undefined
  throw new Failure('program-failed', `flock on ${path} ended with exit code ${code}`)
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

/** The lock that our parent took and handed down as `fd`; throws `usage` when `fd` is something else. */
export function inheritedLock(path: string, fd: number): Lock {
  if (!isSameFile(path, fd)) {
    throw new Failure('usage', `Descriptor ${fd} is not ${path}: this is started by Dirigent itself`, {
      hint: 'To start a task: dirigent spawn --spec FILE, or dirigent respawn ID',
    })
  }
  return lockOn(path, fd)
}

/** Node opens descriptors of its own, so that one is open says nothing. */
function isSameFile(path: string, fd: number): boolean {
  try {
    const [ours, given] = [statSync(path), fstatSync(fd)]
    return ours.dev === given.dev && ours.ino === given.ino
  } catch (error) {
    if (['EBADF', 'ENOENT'].includes(errno(error) ?? '')) return false
    throw error
  }
}

/**
 * Is it held by anybody? Asked of the kernel by trying.
 * @param table what `lockTable` gave: a lock that it shows is not tried; one that it does not show is (it
 *   may be held in another pid namespace)
 */
export async function isLocked(path: string, table: ReadonlySet<string> = new Set()): Promise<boolean> {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
  try {
    const stat = fstatSync(fd)
    if (table.has(`${stat.dev}:${stat.ino}`)) return true
    return (await flock(['-n', '-s'], fd)) === 1
  } finally {
    closeSync(fd)
  }
}

/**
 * Every flock the kernel shows us, as `dev:inode`: one read for any number of locks, but one that stops
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
    const match = /^\d+: FLOCK\s.*\s([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line)
    if (!match?.[1] || !match[2]) continue
    held.add(`${deviceNumber(Number.parseInt(match[1], 16), Number.parseInt(match[2], 16))}:${match[3]}`)
  }
  return held
}

/** glibc's makedev, as stat reports it (majors and minors of ordinary disks). */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + major * 256 + (minor >>> 8) * 1_048_576
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

/** Undefined when its directory is gone: what it guarded has been moved away. */
function openLockFile(path: string): number | undefined {
  try {
    return openSync(path, 'a', 0o644)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw diskFailure(error, path)
  }
}

async function flock(args: string[], fd: number, signal?: AbortSignal): Promise<number | null> {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C' }
    const child = await start('flock', [...args, '3'], {
      cwd: '/',
      env,
      stdio: ['ignore', 'ignore', 'ignore', fd],
    })
    const give = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', give, { once: true })
    // It may have been aborted while flock was starting.
    if (signal?.aborted) give()
    const { exitCode } = await ended(child)
    signal?.removeEventListener('abort', give)
    return exitCode
  } catch (error) {
    throw new Failure('flock-not-found', 'The program flock is needed for locks and cannot be started', {
      hint: 'Install util-linux (Debian, Fedora, Alpine: package util-linux).',
      cause: error,
    })
  }
}
