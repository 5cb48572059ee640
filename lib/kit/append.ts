/** Files that grow by whole lines: each is one write call, which the kernel keeps whole; and their end. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { diskFailure, shortWrite } from './disk.ts'
import { errno, Failure } from './errors.ts'
import { openOwn, writeFileDurable } from './files.ts'
import { readRange } from './read.ts'

export interface Appended {
  readonly ino: number
  readonly size: number
}

/**
 * Appends one line. A torn last line left by a crash is closed first, so that it spoils only itself; one that
 * somebody is just writing looks torn too, so readers skip empty lines.
 * @returns the file that has it (another may have come into its place since), and its size in bytes
 */
export function appendLine(path: string, line: string, options = { durable: true }): Appended {
  try {
    const fd = openOwn(path, constants.O_RDWR | constants.O_APPEND)
    try {
      const { ino, size } = fstatSync(fd)
      const last = Buffer.alloc(1)
      const torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a
      const bytes = Buffer.from(`${torn ? '\n' : ''}${line}\n`)
      const written = writeSync(fd, bytes)
      if (written !== bytes.length) throw shortWrite(path, written, bytes.length)
      if (options.durable) fsyncSync(fd)
      return { ino, size: size + written }
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw diskFailure(error, path)
  }
}

/**
 * Empties a log that has grown beyond `most` bytes, and keeps its newest `most` as `old`. In its place: those who have it
 * open to append go on in it. What they write within this very moment is lost.
 */
export function shortenLog(path: string, old: string, most: number): void {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const there = fstatSync(fd)
      // One of another name as well is not ours alone to empty.
      if (!there.isFile() || there.nlink > 1 || there.size <= most) return
      writeFileDurable(old, readRange(fd, there.size - most, most), { durable: false })
      ftruncateSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    // Nothing there, no file, or a disk that takes nothing: then it is as it is, and nobody fails for its sake.
    if (errno(error) !== 'ENOENT' && !(diskFailure(error, path) instanceof Failure)) throw error
  }
}
