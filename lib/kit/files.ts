/**
 * Durable files. A write is: unique temporary name in the same directory, looping write, sync, size
 * check, close, rename (or link, to create once), sync the directory. An error before the rename
 * leaves the old content and is reported as such; readers see the old file or the new one, never a
 * torn one. Appends are one write call per line, which the kernel keeps whole.
 *
 * Synchronous on purpose: a commit point that is one call cannot be interleaved with the caller's
 * other work, and costs half a millisecond.
 */
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errno, Failure, reasonOf } from './errors.ts'

let serial = 0

/** A name that no other process and no earlier call uses; also across pid namespaces. */
export function temporaryName(path: string): string {
  serial += 1
  const unique = `${process.pid.toString(36)}-${Date.now().toString(36)}-${serial.toString(36)}-${Math.random().toString(36).slice(2, 8)}`
  return join(dirname(path), `.tmp-${basename(path).slice(0, 60)}-${unique}`)
}

export const isTemporaryName = (name: string): boolean => name.startsWith('.tmp-')

/**
 * Replaces `path` by `content`, surviving a power cut once it returns. `durable: false` skips both
 * syncs: for hints (activity, owner notes) that may be lost but never torn.
 */
export function writeFileDurable(path: string, content: string | Buffer, options = { durable: true }): void {
  const temporary = writeBeside(path, content, options.durable)
  try {
    renameSync(temporary, path)
  } catch (error) {
    dropTemporary(temporary)
    throw diskFailure(error, path)
  }
  if (options.durable) syncDirectory(dirname(path))
}

/** Writes a new file whose directory is still private; the caller syncs and renames that. */
export function writeFileSynced(path: string, content: string | Buffer): void {
  renameSync(writeBeside(path, content, true), path)
}

/** Creates `path` with `content` exactly once: false when it exists already, whoever made it. */
export function createFileOnce(path: string, content: string | Buffer): boolean {
  const temporary = writeBeside(path, content, true)
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (errno(error) === 'EEXIST') return false
    throw diskFailure(error, path)
  } finally {
    dropTemporary(temporary)
  }
  syncDirectory(dirname(path))
  return true
}

/**
 * Appends one line. A torn last line left by a crash is closed first, so that it spoils only itself; one that
 * somebody is just writing looks torn too, so readers skip empty lines.
 */
export function appendLine(path: string, line: string, options = { durable: true }): void {
  try {
    const fd = openOwn(path, constants.O_RDWR | constants.O_APPEND)
    try {
      const size = fstatSync(fd).size
      const last = Buffer.alloc(1)
      const torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a
      const bytes = Buffer.from(`${torn ? '\n' : ''}${line}\n`)
      const written = writeSync(fd, bytes)
      if (written !== bytes.length) throw shortWrite(path, written, bytes.length)
      if (options.durable) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw diskFailure(error, path)
  }
}

/**
 * Opens a file of ours for writing, where a worker may have put something else: a link would lead what we
 * write elsewhere, a FIFO would block us. What is no regular file is moved out of the way.
 * @param flags O_APPEND, O_TRUNC and the like; O_CREAT is added
 */
export function openOwn(path: string, flags: number): number {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there && !there.isFile()) outOfTheWay(path)
  return openSync(path, flags | constants.O_CREAT | constants.O_NOFOLLOW, 0o644)
}

/** Makes a directory of ours, where a worker may have put something else (a link to another one). */
export function makeOwnDirectory(path: string): void {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there?.isDirectory()) return
  if (there) outOfTheWay(path)
  makeDirectory(path)
}

/** Renames whatever it is, itself and not what it points to, so that the name is free. */
export function outOfTheWay(path: string): void {
  renameSync(path, join(dirname(path), `.found-${Date.now().toString(36)}-${basename(path)}`))
}

/** Removes a file, a link (not what it points to) or a directory with all in it, write-protected or not. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errno(error) ?? '')) throw error
    openUp(path)
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Directories that forbid writing keep their entries from being removed (Go's module cache is made of them). */
function openUp(directory: string): void {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
  chmodSync(directory, 0o700)
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) openUp(join(directory, entry.name))
}

/** Makes the entries of a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Renames, durably on both sides. The caller handles EEXIST and ENOTEMPTY. */
export function renameDurable(from: string, to: string): void {
  renameSync(from, to)
  syncDirectory(dirname(to))
  if (dirname(from) !== dirname(to)) syncDirectory(dirname(from))
}

/** Makes a directory and its parents. (Node's own recursion says ENOENT on a read-only file system.) */
export function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  if (!existsSync(dirname(path))) makeDirectory(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Somebody else made it meanwhile; a file of that name is still an error.
    if (errno(error) === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    throw diskFailure(error, path)
  }
}

/** Maps the errnos that a person can do something about; anything else is passed on as it is. */
export function diskFailure(error: unknown, path: string): unknown {
  const code = errno(error)
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new Failure('disk-full', `No space left to write ${path}; its old content is unchanged`, {
      hint: `Free some space on the disk that holds it (df ${dirname(path)}), then repeat the command.`,
      retryable: true,
      cause: error,
    })
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new Failure('corrupt-file', `${path} cannot be made: a file is where a directory should be`, {
      hint: `Move that file away: ls -ld ${dirname(path)} ${path}`,
      cause: error,
    })
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new Failure('state-read-only', `Cannot write ${path}: ${reasonOf(error)}`, {
      hint: `Make the directory writable for this user: ${dirname(path)}`,
      cause: error,
    })
  }
  return error
}

function writeBeside(path: string, content: string | Buffer, durable: boolean): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const temporary = temporaryName(path)
  try {
    const fd = openSync(temporary, 'wx', 0o644)
    try {
      let done = 0
      while (done < bytes.length) done += writeSync(fd, bytes, done)
      if (durable) fsyncSync(fd)
      const size = fstatSync(fd).size
      if (size !== bytes.length) throw shortWrite(path, size, bytes.length)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    dropTemporary(temporary)
    throw diskFailure(error, path)
  }
  return temporary
}

function shortWrite(path: string, written: number, wanted: number): Failure {
  return new Failure('disk-full', `Only ${written} of ${wanted} bytes of ${path} could be written`, {
    hint: `Free some space on the disk that holds it (df ${dirname(path)}).`,
    retryable: true,
  })
}

function dropTemporary(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    // Read-only or gone: the error that brought us here is the one to report.
    if (!['ENOENT', 'EROFS', 'EACCES'].includes(errno(error) ?? '')) throw error
  }
}
