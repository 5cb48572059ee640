/**
 * Token use in the middle of a turn. The event stream has none until the turn ends, but the program's session
 * file has the thread's total after every answer of the model (`token_usage_record`, at once) and after
 * every tool (`token_count`), and beside it what that one request took, which is how long the conversation is. The file belongs to the program: what cannot be read is no news, not an error.
 */
import { closeSync, fstatSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from '../../kit/errors.ts'
import { openPlain } from '../../kit/read.ts'
import { isTable, parseTable } from '../workers/json.ts'
import { Lines } from '../workers/lines.ts'
import { readUsage, type Usage } from '../workers/usage.ts'

const day = 24 * 60 * 60 * 1000

/**
 * The session file of a thread: `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`, in the folder of the
 * local day on which the thread began, which its id tells (the first 48 bits are its time). A file that a
 * later attempt resumes stays where it is.
 */
export function findRollout(codexHome: string, threadId: string, now: Date): string | null {
  const times = [now.getTime(), now.getTime() - day]
  const began = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(threadId)
  if (began) {
    const time = Number.parseInt(`${began[1]}${began[2]}`, 16)
    // The neighbours too: the program may live in another time zone than we do.
    times.unshift(time, time - day, time + day)
  }
  for (const folder of new Set(
    times.map((time) => join(codexHome, 'sessions', ...datePath(new Date(time)))),
  )) {
    const name = names(folder).find((file) => file.endsWith(`-${threadId}.jsonl`))
    if (name !== undefined) return join(folder, name)
  }
  return null
}

const pieceBytes = 256 * 1024
const piecesPerCall = 64
const longestLine = 64 * 1024

export class RolloutReader {
  readonly #path: string
  #lines = new Lines(longestLine)
  #offset = 0
  #usage: Usage | null = null
  #context: number | null = null
  #turn: Usage | null = null
  /** The last read did not reach the end. */
  more = false

  constructor(path: string) {
    this.#path = path
  }

  /** The newest total of the thread; null until there is one. Reads at most 16 MiB of what was appended. */
  read(): Usage | null {
    this.more = false
    const fd = opened(this.#path)
    if (fd === null) return this.#usage
    try {
      // A file that shrank was written anew: from its beginning, then.
      if (fstatSync(fd).size < this.#offset) {
        this.#offset = 0
        this.#lines = new Lines(longestLine)
      }
      const piece = Buffer.allocUnsafe(pieceBytes)
      for (let pieces = 0; pieces < piecesPerCall; pieces += 1) {
        const size = readSync(fd, piece, 0, piece.length, this.#offset)
        this.more = size > 0
        if (!this.more) break
        this.#offset += size
        for (const line of this.#lines.feed(piece.subarray(0, size))) {
          const counted = 'whole' in line ? countedIn(line.whole) : null
          this.#usage = counted?.thread ?? this.#usage
          this.#context = counted?.request?.total ?? this.#context
          this.#turn = counted?.turn ?? this.#turn
        }
      }
    } finally {
      closeSync(fd)
    }
    return this.#usage
  }

  /** What the newest turn has used; null before its first answer. */
  get turn(): Usage | null {
    return this.#turn
  }

  /** Tokens that the conversation held at the newest answer that was read; null before the first. */
  get context(): number | null {
    return this.#context
  }
}

/** Most lines are large and of no interest: their beginning tells, and only the others are parsed. */
const counting = /^.{0,120}"type":"(?:token_usage_record|event_msg","payload":\{"type":"token_count)"/

interface Counted {
  readonly thread: Usage | null
  readonly turn: Usage | null
  readonly request: Usage | null
}

function countedIn(line: string): Counted | null {
  if (!counting.test(line)) return null
  const payload = parseTable(line)?.payload
  if (!isTable(payload)) return null
  const info = isTable(payload.info) ? payload.info : {}
  return {
    thread: readUsage(payload.thread_token_usage ?? info.total_token_usage),
    turn: readUsage(payload.turn_token_usage),
    request: readUsage(payload.usage ?? info.last_token_usage),
  }
}

function datePath(date: Date): string[] {
  const two = (value: number) => String(value).padStart(2, '0')
  return [String(date.getFullYear()), two(date.getMonth() + 1), two(date.getDate())]
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (missing(error)) return []
    throw error
  }
}

/** A worker can put anything in its place: opening a FIFO would block whoever looks, for ever. */
function opened(path: string): number | null {
  try {
    const fd = openPlain(path)
    return typeof fd === 'number' ? fd : null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

function missing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES'].includes(errno(error) ?? '')
}
