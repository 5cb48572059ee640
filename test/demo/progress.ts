/**
 * Shows what happens while it happens: a line for every event, and below them, on a terminal, one line for
 * each task that is kept up to date in place.
 */
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../../lib/kit/errors.ts'
import { readRange } from '../../lib/kit/read.ts'
import { cut, table } from '../../lib/kit/text.ts'
import { blockedBy } from '../../lib/rules/capacity.ts'
import { healthOf } from '../../lib/rules/health.ts'
import { isOwned } from '../../lib/rules/lifecycle.ts'
import type { StatePaths } from '../../lib/state/paths.ts'
import type { Event } from '../../lib/state/schema/event.ts'
import { loadTask, type Task } from '../../lib/state/tasks.ts'
import { eventLine } from '../../lib/view/answers.ts'

const lookEvery = 150

/** Shows progress until `work` has ended; gives its outcome. */
export async function showWhile<T>(state: StatePaths, ids: readonly string[], work: Promise<T>): Promise<T> {
  const feed = new Feed(state.feed)
  const board = new Board()
  const look = () => board.show(feed.read().map(labelled), rows(state, ids))
  let over = false
  const settled = work.finally(() => {
    over = true
  })
  // Awaited below; a failure meanwhile must not count as unhandled.
  settled.catch(() => undefined)
  while (!over) {
    look()
    await Promise.race([delay(lookEvery), settled.catch(() => undefined)])
  }
  look()
  board.clear()
  return await settled
}

/** `12:00:01 roman-numerals   state queued → running: attempt 1` */
function labelled(event: Event): string {
  const line = eventLine(event)
  return `${line.slice(0, 8)} ${event.task.padEnd(15)}${line.slice(8)}`
}

function rows(state: StatePaths, ids: readonly string[]): string[] {
  const needState = (id: string) => load(state, id)?.status.state ?? 'unknown'
  return table(
    ids
      .map((id) => load(state, id))
      .filter((task) => task !== undefined)
      .map(({ status }) => [
        isOwned(status) ? '▸' : '·',
        status.id,
        status.state,
        status.state === 'queued'
          ? (blockedBy(status, new Date(), needState) ?? status.reason ?? '')
          : isOwned(status)
            ? healthOf(status, true, Date.now()).evidence
            : (status.reason ?? ''),
      ]),
  )
}

function load(state: StatePaths, id: string): Task | undefined {
  try {
    return loadTask(state, id)
  } catch (error) {
    // Not spawned yet, or being moved to the archive right now.
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** The events that were added to the feed since the last look. */
class Feed {
  readonly #path: string
  #offset = 0

  constructor(path: string) {
    this.#path = path
  }

  read(): Event[] {
    if (!existsSync(this.#path)) return []
    const fd = openSync(this.#path, 'r')
    try {
      const news = readRange(fd, this.#offset, Math.max(0, fstatSync(fd).size - this.#offset))
      // A line that is still being written is read next time.
      const whole = news.subarray(0, news.lastIndexOf('\n') + 1)
      this.#offset += whole.length
      const lines = whole.toString().split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Event)
    } finally {
      closeSync(fd)
    }
  }
}

/** On a terminal the table is redrawn below the events; elsewhere there are only the events. */
class Board {
  readonly #terminal = process.stdout.isTTY
  #height = 0
  #shown = ''

  show(events: readonly string[], tasks: readonly string[]): void {
    const width = process.stdout.columns || 80
    const fit = (line: string) => cut(`  ${line}`, this.#terminal ? width - 1 : 160)
    const below = this.#terminal && tasks.length > 0 ? ['', ...tasks.map(fit)] : []
    const now = below.join('\n')
    if (events.length === 0 && now === this.#shown) return
    this.#shown = now
    const text = [...events.map(fit), ...below].map((line) => `${line}\n`).join('')
    process.stdout.write(`${this.#erase()}${text}`)
    this.#height = below.length
  }

  clear(): void {
    process.stdout.write(this.#erase())
    this.#height = 0
  }

  #erase(): string {
    return this.#height > 0 ? `\u001b[${this.#height}A\u001b[J` : ''
  }
}
