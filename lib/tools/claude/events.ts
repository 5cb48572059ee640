/**
 * The event stream of Claude Code (`--output-format stream-json`) as our own union (`../workers/event.ts`). Never
 * throws: the stream is data. A command that it left in the background prolongs the run: a second beginning and a
 * second result follow, and the last one counts. What was used is told by each answer of the model; the result has the
 * exact figures of the whole run, helpers included.
 */
import { oneLine } from '../../kit/text.ts'
import { firstBytes } from '../workers/bounded.ts'
import type { Tool, WorkerEvent } from '../workers/event.ts'
import { isTable, parseTable } from '../workers/json.ts'
import { Lines } from '../workers/lines.ts'
import { addUsage, noUsage, type Usage } from '../workers/usage.ts'
import { causeOf } from './failure.ts'
import { figuresIn, totalOf } from './figures.ts'

type Table = Record<string, unknown>

const longestLine = 4 * 1024 * 1024
const textBytes = 64 * 1024
const whatLength = 200
const answersKept = 100
/** The beginning of a result whose last words are too long to be read. */
const success = /^\{"type":"result","subtype":"success","is_error":false,/
/** Said for its makers, for want of another reason. */
const itsOwn = '[ede_diagnostic]'
/** Without a word it takes this mode for ours where it is forbidden. */
const asking =
  'claude asked for permission before each command and edit, and nobody was there: do managed settings forbid its bypass (disableBypassPermissionsMode)?'

export class ClaudeEvents {
  readonly #lines = new Lines(longestLine)
  /** Commands under way: only of these is there an exit code. */
  readonly #commands = new Set<string>()
  /** What answers have used: those that may still come in pieces (the worker's and its helpers' come mixed), and all before. */
  readonly #answers = new Map<string, Usage>()
  #before: Usage = noUsage
  #begun = false
  /** What the program said about the request that failed last. */
  #error: string | null = null
  /** When the limit that was met is over; seconds. */
  #resets: number | null = null

  feed(chunk: Buffer): WorkerEvent[] {
    return this.#lines.feed(chunk).flatMap((line) => {
      if ('whole' in line) return line.whole.trim() === '' ? [] : this.#read(parseTable(line.whole))
      // A result too long to be read (a picture, say) is an end all the same.
      const id = /"tool_use_id":"([\w-]{1,100})"/.exec(line.head)?.[1]
      if (id !== undefined) return [this.#toolEnded(id, true, '')]
      return success.test(line.head) ? [{ kind: 'turn-completed', usage: this.#used() }] : []
    })
  }

  #read(line: Table | null): WorkerEvent[] {
    const message = isTable(line?.message) ? line.message : {}
    const blocks = Array.isArray(message.content) ? message.content.filter(isTable) : []
    switch (line?.type) {
      case 'system':
        return this.#system(line)
      case 'assistant':
        return this.#assistant(line, message, blocks)
      case 'user':
        return this.#user(blocks)
      case 'rate_limit_event':
        return this.#limit(line.rate_limit_info)
      case 'result':
        return this.#result(line)
      default:
        return [{ kind: 'unknown' }]
    }
  }

  #system(line: Table): WorkerEvent[] {
    if (line.subtype === 'init') {
      const first = !this.#begun
      this.#begun = true
      const thread = text(line.session_id, 100)
      return [
        ...(first ? [{ kind: 'thread-started' as const, thread }] : []),
        ...(first && line.permissionMode === 'default' ? [{ kind: 'hindered' as const, why: asking }] : []),
        { kind: 'turn-started' },
      ]
    }
    if (line.subtype === 'api_retry') {
      const why = [line.error_status, line.error].filter(Boolean).join(' ')
      return [
        {
          kind: 'notice',
          message: `Reconnecting... ${line.attempt}/${line.max_retries} (${text(why, 200)})`,
        },
      ]
    }
    return [{ kind: 'unknown' }]
  }

  #assistant(line: Table, message: Table, blocks: Table[]): WorkerEvent[] {
    // What the program says in the model's place when a request was refused; the result repeats it.
    if (message.model === '<synthetic>') {
      this.#error = text(line.error, 100)
      return [{ kind: 'unknown' }]
    }
    const helper = typeof line.parent_tool_use_id === 'string'
    const events = blocks.flatMap((block) => this.#block(block, helper))
    return [...events, ...this.#count(message)]
  }

  #block(block: Table, helper: boolean): WorkerEvent[] {
    switch (block.type) {
      case 'text':
        // A helper's words are not the worker's.
        return helper ? [{ kind: 'unknown' }] : [{ kind: 'message', text: text(block.text, textBytes) }]
      case 'thinking':
        return [{ kind: 'reasoning', text: text(block.thinking, textBytes) }]
      case 'tool_use': {
        const id = text(block.id, 100)
        const { tool, what } = toolOf(text(block.name, 200), isTable(block.input) ? block.input : {})
        if (tool === 'command') this.#commands.add(id)
        return [{ kind: 'tool-started', id, tool, what: oneLine(what.slice(0, 4000), whatLength) }]
      }
      default:
        return [{ kind: 'unknown' }]
    }
  }

  /** Each piece of an answer comes with the answer's figures. */
  #count(message: Table): WorkerEvent[] {
    const usage = figuresIn(message.usage)
    if (usage === null) return []
    this.#answers.set(text(message.id, 100), usage)
    const [[id, oldest] = []] = this.#answers
    if (this.#answers.size > answersKept && id !== undefined && oldest) {
      this.#before = addUsage(this.#before, oldest)
      this.#answers.delete(id)
    }
    return [{ kind: 'used', usage: this.#used() }]
  }

  #used(): Usage {
    return [...this.#answers.values()].reduce(addUsage, this.#before)
  }

  #user(blocks: Table[]): WorkerEvent[] {
    const results = blocks.filter(({ type }) => type === 'tool_result')
    if (results.length === 0) return [{ kind: 'unknown' }]
    return results.map(({ tool_use_id, is_error, content }) => {
      const said = typeof content === 'string' ? content : isTable(content) ? text(content.text, 200) : ''
      return this.#toolEnded(text(tool_use_id, 100), is_error !== true, said)
    })
  }

  #toolEnded(id: string, ok: boolean, said: string): WorkerEvent {
    const number = /^(?:Error: )?Exit code (\d{1,3})\b/.exec(said)?.[1]
    const exit = this.#commands.delete(id) ? (number ? Number(number) : ok ? 0 : null) : null
    return { kind: 'tool-ended', id, ok, exit }
  }

  #limit(info: unknown): WorkerEvent[] {
    if (isTable(info) && info.status === 'rejected')
      this.#resets = typeof info.resetsAt === 'number' ? info.resetsAt : null
    return [{ kind: 'unknown' }]
  }

  #result(line: Table): WorkerEvent[] {
    const usage = totalOf(line) ?? this.#used()
    if (line.is_error !== true && line.subtype === 'success') return [{ kind: 'turn-completed', usage }]
    const ended = text(line.terminal_reason, 100)
    const errors = Array.isArray(line.errors) ? line.errors.map((error) => text(error, 500)) : []
    const message =
      text(line.result, 4096) ||
      errors.filter((error) => !error.startsWith(itsOwn)).join('; ') ||
      [text(line.subtype, 100), ended].filter(Boolean).join(', ')
    const status = typeof line.api_error_status === 'number' ? line.api_error_status : null
    const said = {
      status,
      error: this.#error,
      message,
      resets: this.#resets,
      ended,
    }
    const counted: WorkerEvent[] = usage.total > 0 ? [{ kind: 'used', usage }] : []
    return [...counted, { kind: 'turn-failed', message, cause: causeOf(said) }]
  }
}

function toolOf(name: string, input: Table): { tool: Tool; what: string } {
  const path = text(input.file_path ?? input.notebook_path, 1000)
  if (name === 'Bash') return { tool: 'command', what: text(input.command, 4000) }
  if (['Edit', 'Write', 'NotebookEdit'].includes(name))
    return { tool: 'patch', what: `${name === 'Write' ? 'write' : 'edit'} ${path}` }
  if (name === 'WebSearch' || name === 'WebFetch')
    return { tool: 'search', what: text(input.query ?? input.url, 500) }
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? []
  if (server) return { tool: 'mcp', what: `${server}.${tool}` }
  return { tool: 'other', what: [name, path || text(input.description, 200)].filter(Boolean).join(' ') }
}

function text(value: unknown, max: number): string {
  return typeof value === 'string' ? firstBytes(value, max) : ''
}
