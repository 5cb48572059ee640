/**
 * Durable files. A write is: unique temporary name in the same directory, looping write, sync, size
 * check, close, rename (or link, to create once), sync the directory. An error before the rename
 * leaves the old content and is reported as such; readers see the old file or the new one, never a
 * torn one.
 *
 * Synchronous on purpose: a commit point that is one call cannot be interleaved with the caller's
 * other work, and costs half a millisecond.
 */
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { diskFailure, shortWrite } from './disk.ts'
import { errno } from './errors.ts'
import { isTemporaryName, temporaryName } from './temporary.ts'

export { diskFailure, isTemporaryName, temporaryName }

/**
 * Replaces `path` by `content`, surviving a power cut once it returns. `durable: false` skips both
 * syncs: for hints (activity, owner notes) that may be lost but never torn.
 */
export function writeFileDurable(path: string, content: string | Buffer, options = durably): void {
  replaceFile(path, content, options, () => true)
}

/** `mode`: who may read and write it, where that is not as for any new file. */
type WriteOptions = { readonly durable: boolean; readonly mode?: number }
const durably: WriteOptions = { durable: true }

/**
 * As `writeFileDurable`, if `still` holds when all is written and only the rename is left.
 * @returns false when it did not; nothing has changed then
 */
export function replaceFile(
  path: string,
  content: string | Buffer,
  options: WriteOptions,
  still: () => boolean,
): boolean {
  const temporary = writeBeside(path, content, options.durable, options.mode)
  let renamed = false
  try {
    if (!still()) return false
    renameSync(temporary, path)
    renamed = true
  } catch (error) {
    throw diskFailure(error, path)
  } finally {
    if (!renamed) dropTemporary(temporary)
  }
  if (options.durable) syncDirectory(dirname(path))
  return true
}

/** Writes a new file whose directory is still private; the caller syncs and renames that. */
export function writeFileSynced(path: string, content: string | Buffer): void {
  renameSync(writeBeside(path, content, true), path)
}

/**
 * Creates `path` with `content` exactly once: false when it exists already, whoever made it. Either way it is
 * there for good: who made it may have died before it had synced the directory.
 */
export function createFileOnce(path: string, content: string | Buffer): boolean {
  const temporary = writeBeside(path, content, true)
  let made = true
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw diskFailure(error, path)
    made = false
  } finally {
    dropTemporary(temporary)
  }
  syncDirectory(dirname(path))
  return made
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

/** Removes a directory that holds nothing; false when there is none, or it is not empty. */
export function removeIfEmpty(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno(error) ?? '')) return false
    throw error
  }
}

/** Makes the entries of a directory survive a power cut. */
export function syncDirectory(path: string): void {
  try {
    const fd = openSync(path, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw diskFailure(error, path)
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
  if (isDirectory(path)) return
  if (!existsSync(dirname(path))) makeDirectory(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Somebody else made it meanwhile; a file of that name is still an error.
    if (errno(error) === 'EEXIST' && isDirectory(path)) return
    throw diskFailure(error, path)
  }
}

export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch (error) {
    // A link that leads to itself.
    if (errno(error) === 'ELOOP') return false
    throw diskFailure(error, path)
  }
}

function writeBeside(path: string, content: string | Buffer, durable: boolean, mode?: number): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const temporary = temporaryName(path)
  try {
    const fd = openSync(temporary, 'wx', mode ?? 0o644)
    try {
      if (mode !== undefined) fchmodSync(fd, mode)
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

function dropTemporary(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    // Whatever the system says: what was to be written is there, or the error that brought us here is the one to
    // report. What stays is swept later.
    if (errno(error) === undefined) throw error
  }
}
