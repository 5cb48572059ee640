/**
 * Reads the feed on from a place in it, for those who wait. The feed is a hint: it may miss its end or a line, be
 * shorter than it was, or be gone, and a worker can write in it. So it says where to look; what is told is looked up.
 * A place is counted from the feed's first line ever, whatever was left out since.
 */
import { closeSync, fstatSync } from 'node:fs'
import { lookAt, openPlain, readRange } from '../kit/read.ts'
import { type Cursor, markOf } from './cursor.ts'
import { type Beginning, beginningOf } from './feed-file.ts'
import { type Event, parseEvent } from './schema/event.ts'

/** What is further behind than this is not read; bytes. */
const mostBehind = 64 * 1024 * 1024
const chunk = 1024 * 1024
/** So much is read of what was before. */
const glance = 64 * 1024
/** Of the bytes before a place, so many make its mark: more than a line has, for many end alike. */
const marked = 1024

export class Feed {
  readonly #path: string
  /** Read up to here: the end of a line. */
  offset = 0
  mark = markOf(Buffer.alloc(0))
  /** False: it does not reach back to where we were to begin, so everything has to be looked up. */
  readonly whole: boolean
  /** The last events before the place where we began. */
  readonly before: readonly Event[]
  #looked = ''

  /** @param from null: its end as it is now */
  constructor(path: string, from: Cursor | null) {
    this.#path = path
    const begun = this.#open((fd, size, begins) => {
      const at = from && inFile(from.offset, begins)
      const whole =
        at === null ||
        (at >= begins.at &&
          at <= size &&
          size - at <= mostBehind &&
          markBefore(fd, at, begins) === from?.mark)
      const end = at !== null && whole ? at : size
      const bytes = readRange(fd, Math.max(begins.at, end - glance), Math.min(glance, end - begins.at))
      this.#moveTo(fd, end - bytes.length + bytes.lastIndexOf(0x0a) + 1, begins)
      return { whole, before: eventsIn(bytes) }
    })
    this.whole = begun?.whole ?? (from === null || from.offset === 0)
    this.before = begun?.before ?? []
  }

  /** Has anything been done to it since this was asked last, or since it was read? */
  changed(): boolean {
    const there = lookAt(this.#path)
    const looked = there ? `${there.ino} ${there.size} ${there.mtimeMs}` : ''
    const changed = looked !== this.#looked
    this.#looked = looked
    return changed
  }

  /** The events since the last call. A line that is only half there comes with the next. */
  read(): Event[] {
    const events: Event[] = []
    // What comes while we read counts as a change.
    this.changed()
    this.#open((fd, size, begins) => {
      let at = inFile(this.offset, begins)
      // Another feed in its place, or one that was shortened beyond it: from its beginning.
      if (at < begins.at || at > size || markBefore(fd, at, begins) !== this.mark) at = begins.at
      while (at < size) {
        const bytes = readRange(fd, at, Math.min(chunk, size - at))
        // No line of ours is as long as a chunk.
        const used = bytes.lastIndexOf(0x0a) + 1 || (bytes.length === chunk ? chunk : 0)
        if (used === 0) break
        events.push(...eventsIn(bytes.subarray(0, used)))
        at += used
      }
      this.#moveTo(fd, at, begins)
    })
    return events
  }

  #moveTo(fd: number, at: number, begins: Beginning): void {
    this.offset = at - begins.at + begins.dropped
    this.mark = markBefore(fd, at, begins)
  }

  #open<T>(work: (fd: number, size: number, begins: Beginning) => T): T | undefined {
    const fd = openPlain(this.#path)
    if (fd === undefined || fd === 'foreign') return undefined
    try {
      return work(fd, fstatSync(fd).size, beginningOf(fd))
    } finally {
      closeSync(fd)
    }
  }
}

function eventsIn(bytes: Buffer): Event[] {
  const lines = bytes.toString().split('\n')
  return lines.map(parseEvent).filter((event) => event !== undefined)
}

/** A place in the feed, as one in the file. */
const inFile = (offset: number, { at, dropped }: Beginning): number => offset - dropped + at

function markBefore(fd: number, at: number, begins: Beginning): string {
  const from = Math.max(begins.at, at - marked)
  return markOf(readRange(fd, from, at - from))
}
