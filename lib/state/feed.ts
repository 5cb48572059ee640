/**
 * Reads the feed on from a place in it, for those who wait. The feed is a hint: it may miss its end or a line, be
 * shorter than it was, or be gone, and a worker can write in it. So it says where to look; what is told is looked up.
 */
import { closeSync, fstatSync } from 'node:fs'
import { lookAt, openPlain, readRange } from '../kit/read.ts'
import { type Cursor, markOf } from './cursor.ts'
import { type Event, parseEvent } from './schema/event.ts'

/** What is further behind than this is not read; bytes. */
const mostBehind = 64 * 1024 * 1024
const chunk = 1024 * 1024
/** So much is read of what was before. */
const glance = 64 * 1024
/** Of the bytes before a place, so many make its mark. */
const marked = 128

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
    const begun = this.#open((fd, size) => {
      const whole =
        from === null ||
        (from.offset <= size && size - from.offset <= mostBehind && markBefore(fd, from.offset) === from.mark)
      const end = from && whole ? from.offset : size
      const bytes = readRange(fd, Math.max(0, end - glance), Math.min(glance, end))
      this.#moveTo(fd, end - bytes.length + bytes.lastIndexOf(0x0a) + 1)
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
    this.#open((fd, size) => {
      // Another file in its place: from its beginning.
      let offset = size < this.offset || markBefore(fd, this.offset) !== this.mark ? 0 : this.offset
      while (offset < size) {
        const bytes = readRange(fd, offset, Math.min(chunk, size - offset))
        // No line of ours is as long as a chunk.
        const used = bytes.lastIndexOf(0x0a) + 1 || (bytes.length === chunk ? chunk : 0)
        if (used === 0) break
        events.push(...eventsIn(bytes.subarray(0, used)))
        offset += used
      }
      this.#moveTo(fd, offset)
    })
    return events
  }

  #moveTo(fd: number, offset: number): void {
    this.offset = offset
    this.mark = markBefore(fd, offset)
  }

  #open<T>(work: (fd: number, size: number) => T): T | undefined {
    const fd = openPlain(this.#path)
    if (fd === undefined || fd === 'foreign') return undefined
    try {
      return work(fd, fstatSync(fd).size)
    } finally {
      closeSync(fd)
    }
  }
}

function eventsIn(bytes: Buffer): Event[] {
  const lines = bytes.toString().split('\n')
  return lines.map(parseEvent).filter((event) => event !== undefined)
}

function markBefore(fd: number, offset: number): string {
  const from = Math.max(0, offset - marked)
  return markOf(readRange(fd, from, offset - from))
}
