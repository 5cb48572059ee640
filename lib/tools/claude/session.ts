/** What the session file of a thread says: how long the conversation is. It belongs to the program: what cannot be read is no news. */
import { readTail } from '../../kit/read.ts'
import { isTable, parseTable } from '../workers/json.ts'
import type { Session } from '../workers/worker.ts'
import { figuresIn } from './figures.ts'

/** More than any answer is long. */
const tailBytes = 2 * 1024 * 1024

export class ClaudeSession implements Session {
  readonly #path: string
  readonly more = false
  readonly turn = null

  constructor(path: string) {
    this.#path = path
  }

  /** Each run tells its own use in its events. */
  read(): null {
    return null
  }

  get context(): number | null {
    const lines = readTail(this.#path, tailBytes).toString().split('\n')
    for (const line of lines.reverse()) {
      // Helpers have conversations of their own; what the program says in the model's place has no figures.
      const entry = line.includes('"assistant"') ? parseTable(line) : null
      if (entry?.type !== 'assistant' || entry.isSidechain === true || !isTable(entry.message)) continue
      const total = figuresIn(entry.message.usage)?.total ?? 0
      if (total > 0) return total
    }
    return null
  }
}
