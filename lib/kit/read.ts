/**
 * Reads files that somebody else may have put there: regular files only, so many bytes at most. Links are not
 * followed and a FIFO does not block.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
} from 'node:fs'
import { errno, Failure, reasonOf } from './errors.ts'

/**
 * Reads a regular file of at most `limit` bytes, following no symbolic link; undefined when it does
 * not exist. A FIFO, a directory or a larger file is refused before it can block or fill memory.
 */
export function readBounded(path: string, limit: number): Buffer | undefined {
  const fd = openPlain(path)
  if (fd === undefined) return undefined
  if (fd === 'foreign')
    throw new Failure('corrupt-file', `${path} is not a regular file`, { hint: 'Move it away.' })
  try {
    const { size } = fstatSync(fd)
    if (size <= limit) return readRange(fd, 0, size)
    throw new Failure('corrupt-file', `${path} is ${size} bytes; at most ${limit} are read`, {
      hint: 'Shorten it or move it away.',
    })
  } finally {
    closeSync(fd)
  }
}

/** The first `limit` bytes of a file. */
export function readHead(path: string, limit: number): Buffer {
  const fd = openSync(path, 'r')
  try {
    return readRange(fd, 0, Math.min(limit, fstatSync(fd).size))
  } finally {
    closeSync(fd)
  }
}

/** The last `limit` bytes of a regular file; empty when there is none. */
export function readTail(path: string, limit: number): Buffer {
  const fd = openPlain(path)
  if (fd === undefined || fd === 'foreign') return Buffer.alloc(0)
  try {
    const { size } = fstatSync(fd)
    const length = Math.min(limit, size)
    return readRange(fd, size - length, length)
  } finally {
    closeSync(fd)
  }
}

/** Up to `limit` bytes of a regular file from `offset` on; empty when there is none. */
export function readOn(path: string, offset: number, limit: number): Buffer {
  const fd = openPlain(path)
  if (fd === undefined || fd === 'foreign') return Buffer.alloc(0)
  try {
    return readRange(fd, offset, Math.min(Math.max(0, fstatSync(fd).size - offset), limit))
  } finally {
    closeSync(fd)
  }
}

/** Names in a directory; none where there is none, or something else in its place. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return []
    throw new Failure('corrupt-file', `${path} cannot be read: ${reasonOf(error)}`, {
      hint: `Make it readable for this user: ls -ld ${path}`,
      cause: error,
    })
  }
}

/** Opens a regular file; links are not followed, a FIFO does not block. Undefined when there is nothing. */
export function openPlain(path: string): number | 'foreign' | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    // A link, or a socket.
    if (errno(error) === 'ELOOP' || errno(error) === 'ENXIO') return 'foreign'
    throw new Failure('corrupt-file', `${path} cannot be read: ${reasonOf(error)}`, {
      hint: `Make it readable for this user, or move it away: ls -ld ${path}`,
      cause: error,
    })
  }
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  return 'foreign'
}

/** Bytes `from … from+length` of an open file; shorter at its end. */
export function readRange(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(fd, buffer, filled, length - filled, from + filled)
    if (count === 0) break
    filled += count
  }
  return buffer.subarray(0, filled)
}

/** Gives a look: may anything have come into, or gone from, one of these directories since the last look? */
export function sawChange(directories: readonly string[]): () => boolean {
  let seen = ''
  return () => {
    const times = directories.map((path) => lookAt(path)?.mtimeMs ?? 0)
    const stamp = times.join(' ')
    // What came right after a look may have left the directory the same time. Not compared by which is later: a
    // clock that was set back would hide what comes.
    if (stamp === seen && Math.abs(Date.now() - Math.max(...times)) > certainly) return false
    seen = stamp
    return true
  }
}

/** Milliseconds that the times of a file system may be behind. */
const certainly = 2000

/** What stands at `path` itself, not what it points to; undefined when nothing does, or nothing can. */
export function lookAt(path: string | Buffer): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return undefined
    throw error
  }
}
