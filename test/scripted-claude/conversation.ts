/** Reads what a request to the Messages API says. */

export interface ToolResult {
  readonly tool: string
  readonly input: Readonly<Record<string, unknown>>
  readonly text: string
  readonly isError: boolean
}

export interface Ask {
  readonly model: string
  /** The system prompt, and what arrives as system messages (the list of skills is there). */
  readonly system: string
  /** What users said, oldest first; tool results are not among it. */
  readonly said: readonly string[]
  /** Calls with their results, oldest first. */
  readonly results: readonly ToolResult[]
  /** Names of the tools offered. */
  readonly tools: readonly string[]
}

// biome-ignore lint/suspicious/noExplicitAny: a foreign format, read defensively
type Foreign = any

export function readAsk(body: Foreign): Ask {
  const messages: Foreign[] = Array.isArray(body.messages) ? body.messages : []
  const blocks = messages.flatMap(({ role, content }) => blocksOf(content).map((block) => ({ role, block })))
  const calls = new Map<unknown, Foreign>(
    blocks.filter(({ block }) => block.type === 'tool_use').map(({ block }) => [block.id, block]),
  )
  const textsOf = (wanted: string) =>
    blocks
      .filter(({ role, block }) => role === wanted && block.type === 'text')
      .map(({ block }) => textOf(block))
  return {
    model: String(body.model),
    system: [...blocksOf(body.system).map(textOf), ...textsOf('system')].join('\n'),
    said: textsOf('user'),
    results: blocks
      .filter(({ block }) => block.type === 'tool_result')
      .map(({ block }) => ({
        tool: String(calls.get(block.tool_use_id)?.name),
        input: calls.get(block.tool_use_id)?.input ?? {},
        text: blocksOf(block.content).map(textOf).join('\n'),
        isError: block.is_error === true,
      })),
    tools: (Array.isArray(body.tools) ? body.tools : []).map((tool: Foreign) => String(tool.name)),
  }
}

function blocksOf(content: Foreign): Foreign[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content : []
}

const textOf = (block: Foreign): string => (typeof block.text === 'string' ? block.text : '')
