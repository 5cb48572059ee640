/** Reads the conversation out of a request: prompts, answers and what the tools gave back. Never throws. */

import type { Output } from './scenario.ts'

/** How an unfinished call can be asked for again. */
export type Unfinished = { readonly session: number } | { readonly cell: string }

export type Entry =
  | { readonly kind: 'prompt'; readonly text: string }
  /** A user message that codex made itself, e.g. `<turn_aborted>` or a hook's objection to stopping. */
  | { readonly kind: 'notice'; readonly text: string }
  /** What a hook had codex tell the model. */
  | { readonly kind: 'told'; readonly text: string }
  /** Codex wants a summary, because the context is full by the tokens that we pretended to use. */
  | { readonly kind: 'compaction' }
  /** What is left of the conversation after that, beside the prompts. Our own words, see `position.ts`. */
  | { readonly kind: 'summary'; readonly text: string }
  | { readonly kind: 'said' }
  | {
      readonly kind: 'output'
      readonly output: Output
      readonly poll: boolean
      readonly unfinished?: Unfinished
    }

export interface Conversation {
  readonly entries: readonly Entry[]
  readonly tools: ReadonlySet<string>
}

type Item = Record<string, unknown>

/** Parts of the context that arrive as user messages before the prompt. */
const context = /^\s*(<environment_context|<user_instructions|<skill|# AGENTS\.md instructions)/
const notice = /^\s*<(turn_aborted|hook_prompt|subagent_notification|user_shell_command|goal_context)\b/
const compaction = /^You are performing a CONTEXT CHECKPOINT COMPACTION/
const summary = /^Another language model started to solve this problem/
const pollers = new Set(['write_stdin', 'wait'])

export function readConversation(body: Item): Conversation {
  const items = Array.isArray(body.input) ? body.input.filter(isItem) : []
  const names = new Map<unknown, unknown>()
  const entries: Entry[] = []
  for (const item of items) {
    if (typeof item.call_id === 'string' && 'name' in item) names.set(item.call_id, item.name)
    const entry = readEntry(item, names)
    if (entry) entries.push(entry)
  }
  return { entries, tools: readTools(body, items) }
}

function readEntry(item: Item, names: ReadonlyMap<unknown, unknown>): Entry | undefined {
  if (item.type === 'function_call_output' || item.type === 'custom_tool_call_output') {
    return { kind: 'output', poll: pollers.has(String(names.get(item.call_id))), ...readOutput(item.output) }
  }
  if (item.type !== 'message') return undefined
  if (item.role === 'assistant') return { kind: 'said' }
  if (item.role === 'developer') return { kind: 'told', text: textOf(item.content) }
  if (item.role !== 'user') return undefined
  const text = textOf(item.content)
  if (context.test(text)) return undefined
  if (compaction.test(text)) return { kind: 'compaction' }
  if (summary.test(text)) return { kind: 'summary', text }
  return notice.test(text) ? { kind: 'notice', text } : { kind: 'prompt', text }
}

/**
 * Function tools answer with a head of lines (`Process exited with code 0`, `Process running with session ID 7`)
 * up to `Output:`. Code mode puts a head of its own first, then what our script printed: the same facts as JSON.
 */
function readOutput(value: unknown): { output: Output; unfinished?: Unfinished } {
  const text = textOf(value)
  const [, head = '', rest = ''] = /^([\s\S]*?)^Output:\n?([\s\S]*)$/m.exec(text) ?? []
  const cell = /^Script running with cell ID (\S+)/m.exec(head)?.[1]
  if (cell !== undefined) return { output: { text: rest }, unfinished: { cell } }
  const result = head.startsWith('Script') ? readJson(rest) : undefined
  if (result && typeof result.output === 'string') {
    return finish(result.output, result.exit_code, result.session_id)
  }
  if (head === '') return { output: { text } }
  const exit = /^(?:Process exited with code|Exit code:) (-?\d+)/m.exec(head)?.[1]
  const session = /^Process running with session ID (\d+)/m.exec(head)?.[1]
  return finish(rest, exit && Number(exit), session && Number(session))
}

function finish(
  text: string,
  exitCode: unknown,
  session: unknown,
): { output: Output; unfinished?: Unfinished } {
  return {
    output: typeof exitCode === 'number' ? { text, exitCode } : { text },
    ...(typeof session === 'number' ? { unfinished: { session } } : {}),
  }
}

function readTools(body: Item, items: readonly Item[]): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (list: unknown) => {
    for (const tool of Array.isArray(list) ? list.filter(isItem) : []) {
      if (typeof tool.name === 'string') names.add(tool.name)
      visit(tool.tools)
    }
  }
  visit(body.tools)
  for (const item of items) if (item.type === 'additional_tools') visit(item.tools)
  return names
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part) => (isItem(part) && typeof part.text === 'string' ? part.text : '')).join('')
}

function readJson(text: string): Item | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isItem(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null
}
