/** A worker's output, which goes straight to a file, as events: while it comes, and long after it ended. */
import { closeSync, fstatSync } from 'node:fs'
import { openPlain, readRange } from '../../kit/read.ts'
import type { WorkerEvent } from '../../tools/workers/event.ts'
import { newTrack, type Track, track } from '../../tools/workers/track.ts'
import type { EventReader } from '../../tools/workers/worker.ts'

/** What the worker did, read from the whole stream at once (also long after it ended). */
export function replayStream(path: string, at: number, reader: EventReader): Track {
  let now = newTrack(at)
  for (const event of eventsIn(path, reader)) now = track(now, event, at)
  return now
}

export function* eventsIn(path: string, reader: EventReader): Iterable<WorkerEvent> {
  const stream = new StreamFile(path, reader)
  for (let events = stream.read(); events.length > 0 || stream.more; events = stream.read()) yield* events
  stream.close()
  // All that there is of a last line without an end. Where nothing was said, nothing is made up.
  if (stream.any) yield* reader.feed(Buffer.from('\n'))
}

/**
 * Reads what was appended to a file since the last time, as events. Nothing where the worker has removed it, or
 * put something else in its place: opening a FIFO would block us for ever.
 */
export class StreamFile {
  readonly #fd: number | null
  readonly #reader: EventReader
  #offset = 0
  /** The last read did not reach the end. */
  more = false

  /** Something was read. */
  get any(): boolean {
    return this.#offset > 0
  }

  constructor(path: string, reader: EventReader) {
    this.#reader = reader
    const fd = openPlain(path)
    this.#fd = typeof fd === 'number' ? fd : null
  }

  read() {
    if (this.#fd === null) return []
    const size = fstatSync(this.#fd).size
    const chunk = readRange(this.#fd, this.#offset, Math.min(size - this.#offset, 4 * 1024 * 1024))
    this.#offset += chunk.length
    this.more = this.#offset < size
    return chunk.length > 0 ? this.#reader.feed(chunk) : []
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
  }
}
