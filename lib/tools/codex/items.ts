/** One item of the event stream → our events: what the worker says, thinks, and does with its tools. */
import { oneLine } from '../../kit/text.ts'
import { firstBytes } from '../workers/bounded.ts'
import type { Tool, WorkerEvent } from '../workers/event.ts'
import { isTable } from '../workers/json.ts'
import { unwrapShell } from './unwrap.ts'

type Item = Record<string, unknown>

const textBytes = 64 * 1024
const whatLength = 200

/** An ended tool is given with its beginning: some kinds are only announced when they are over. */
export function readItem(item: Item, ended: boolean): WorkerEvent[] {
  switch (item.type) {
    case 'agent_message':
      return ended ? [{ kind: 'message', text: firstBytes(string(item.text), textBytes) }] : unknown
    case 'reasoning':
      return ended ? [{ kind: 'reasoning', text: firstBytes(string(item.text), textBytes) }] : unknown
    case 'error':
      return [{ kind: 'notice', message: firstBytes(string(item.message), 4096) }]
    case 'command_execution':
      return tool(item, 'command', unwrapShell(string(item.command)), ended)
    case 'file_change':
      return tool(item, 'patch', changes(item.changes), ended)
    case 'mcp_tool_call':
      return tool(item, 'mcp', [item.server, item.tool].map(string).filter(Boolean).join('.'), ended)
    case 'web_search':
      return tool(item, 'search', string(item.query), ended)
    case 'collab_tool_call':
      return tool(item, 'other', string(item.tool), ended)
    // A to-do list "runs" from its first line to the end of the turn: no tool, and nothing waits for it.
    default:
      return unknown
  }
}

const unknown: WorkerEvent[] = [{ kind: 'unknown' }]

function tool(item: Item, kind: Tool, what: string, ended: boolean): WorkerEvent[] {
  const id = string(item.id).slice(0, 100)
  const started: WorkerEvent = {
    kind: 'tool-started',
    id,
    tool: kind,
    what: oneLine(what.slice(0, 4000), whatLength),
  }
  if (!ended) return [started]
  const exit = typeof item.exit_code === 'number' ? item.exit_code : null
  const failed = (item.status ?? 'completed') !== 'completed' || (exit !== null && exit !== 0)
  return [started, { kind: 'tool-ended', id, ok: !failed, exit }]
}

/** `update a.ts, add b.ts`; the paths are the worker's, from the root of the file system. */
function changes(list: unknown): string {
  if (!Array.isArray(list)) return ''
  const named = list.slice(0, 10).map((change: unknown) => {
    return isTable(change) ? `${string(change.kind)} ${string(change.path)}` : ''
  })
  return named.filter(Boolean).join(', ')
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
