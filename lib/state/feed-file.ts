/**
 * The feed as a file: lines are added to it without a lock, and when it has grown too long its oldest are left out. What is
 * left begins with how many bytes were there before it, so that a place in the feed stays what it was.
 */
import { closeSync, fstatSync } from 'node:fs'
import { appendLine } from '../kit/append.ts'
import { replaceFile } from '../kit/files.ts'
import { lookAt, openPlain, readRange } from '../kit/read.ts'

/** Bytes: when it is longer than `most`, only the newest `kept` stay. */
interface Bounds {
  readonly most: number
  readonly kept: number
}
const bounds: Bounds = { most: 8 * 1024 * 1024, kept: 2 * 1024 * 1024 }

/** Where its lines begin, in bytes of the file, and how many bytes of lines were before them. */
export interface Beginning {
  readonly at: number
  readonly dropped: number
}

/** More digits than that were not written by us. */
const heading = /^\{"dropped":(\d{1,15})\}\n/

export function beginningOf(fd: number): Beginning {
  const match = heading.exec(readRange(fd, 0, 64).toString('latin1'))
  return match ? { at: match[0].length, dropped: Number(match[1]) } : { at: 0, dropped: 0 }
}

/** A hint, so not synced. A line is there twice when the feed is shortened at this very moment. */
export function appendToFeed(path: string, line: string, bound = bounds): void {
  for (let times = 0; times < 3; times++) {
    const { ino, size } = appendLine(path, line, { durable: false })
    // Whoever had shortened it before that has not seen a line that went into the file from before.
    if (lookAt(path)?.ino !== ino) continue
    if (size > bound.most) shorten(path, bound)
    return
  }
}

/**
 * Beside it and moved into its place; what came meanwhile is added. Of two that do so in the same moment one may undo the
 * other, with the lines of that moment: a hint, as all of it.
 */
function shorten(path: string, { most, kept }: Bounds): void {
  const fd = openPlain(path)
  if (fd === undefined || fd === 'foreign') return
  try {
    const { ino, size } = fstatSync(fd)
    if (size <= most) return
    const begins = beginningOf(fd)
    const from = Math.max(begins.at, size - kept)
    const bytes = readRange(fd, from, size - from)
    const first = from > begins.at ? bytes.indexOf(0x0a) + 1 : 0
    const end = bytes.lastIndexOf(0x0a) + 1
    const dropped = begins.dropped + from + first - begins.at
    const text = Buffer.concat([Buffer.from(`{"dropped":${dropped}}\n`), bytes.subarray(first, end)])
    const isStill = () => lookAt(path)?.ino === ino
    if (!replaceFile(path, text, { durable: false }, isStill)) return
    const late = readRange(fd, from + end, Math.min(kept, fstatSync(fd).size - from - end))
      .toString()
      .trimEnd()
    if (late !== '') appendLine(path, late, { durable: false })
  } finally {
    closeSync(fd)
  }
}
