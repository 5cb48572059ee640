/**
 * The worker's event stream (`codex exec --json`) as our own small, closed union (`event.ts`). Never throws:
 * the stream is data, and a new version may say things we do not know. A line that is never finished is never
 * an event.
 */
import { firstBytes } from '../workers/bounded.ts'
import type { WorkerEvent } from '../workers/event.ts'
import { isTable, parseTable } from '../workers/json.ts'
import { Lines } from '../workers/lines.ts'
import { noUsage, readUsage } from '../workers/usage.ts'
import { readItem } from './items.ts'

export type { Tool, WorkerEvent } from '../workers/event.ts'

const longestLine = 4 * 1024 * 1024
const noticeBytes = 4096

export class EventReader {
  readonly #lines = new Lines(longestLine)
  readonly #open = new Set<string>()
  /** Lines that were too long to be read. */
  dropped = 0

  feed(chunk: Buffer): WorkerEvent[] {
    return this.#lines.feed(chunk).flatMap((line) => {
      if ('whole' in line) return line.whole.trim() === '' ? [] : this.#paired(readLine(line.whole))
      this.dropped += 1
      return this.#paired(rescued(line.head, line.tail))
    })
  }

  /** A tool whose beginning was not announced gets one, so that every end has a beginning. */
  #paired(events: WorkerEvent[]): WorkerEvent[] {
    return events.filter((event) => {
      if (event.kind === 'turn-started') this.#open.clear()
      if (event.kind === 'tool-ended') this.#open.delete(event.id)
      if (event.kind !== 'tool-started') return true
      if (this.#open.has(event.id)) return false
      this.#open.add(event.id)
      return true
    })
  }
}

function readLine(text: string): WorkerEvent[] {
  const line = parseTable(text)
  switch (line?.type) {
    case 'thread.started':
      return [{ kind: 'thread-started', thread: string(line.thread_id, 100) }]
    case 'turn.started':
      return [{ kind: 'turn-started' }]
    case 'turn.completed':
      return [{ kind: 'turn-completed', usage: readUsage(line.usage) ?? noUsage }]
    case 'turn.failed':
      return [
        { kind: 'turn-failed', message: string(isTable(line.error) ? line.error.message : '', noticeBytes) },
      ]
    case 'error':
      return [{ kind: 'notice', message: string(line.message, noticeBytes) }]
    case 'item.started':
    case 'item.completed':
      return isTable(line.item) ? readItem(line.item, line.type === 'item.completed') : [{ kind: 'unknown' }]
    default:
      return [{ kind: 'unknown' }]
  }
}

/** A command that printed a flood of escapes has still ended: both ends of its line tell so. */
function rescued(head: string, tail: string): WorkerEvent[] {
  const id = /^\{"type":"item\.completed","item":\{"id":"([\w-]{1,60})","type":"command_execution"/.exec(
    head,
  )?.[1]
  const end = /"exit_code":(-?\d+|null),"status":"(\w+)"\}\}\s*$/.exec(tail)
  if (id === undefined || end === null) return []
  const exit = end[1] === 'null' ? null : Number(end[1])
  return [{ kind: 'tool-ended', id, ok: end[2] === 'completed', exit }]
}

function string(value: unknown, max: number): string {
  return typeof value === 'string' ? firstBytes(value, max) : ''
}
