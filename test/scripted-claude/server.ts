/**
 * A local HTTP server that stands for the provider of Claude Code: it speaks the Messages API well enough for the
 * real program, asks the test's script what the model does next, and remembers what it was sent. Decided from the
 * request alone, so a session that was killed and resumed goes on where it stood.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reasonOf } from '../../lib/kit/errors.ts'
import { type Ask, readAsk } from './conversation.ts'

export type { Ask } from './conversation.ts'

/** What the model does: say something and end its turn, or call a tool of Claude Code's. Or the request is refused. */
export type Reply = Answer | Call | Refusal | Break

interface Answer {
  readonly say: string
  readonly stop_reason?: 'end_turn' | 'max_tokens' | 'refusal'
  readonly usage?: Figures
}

interface Call {
  readonly tool: string
  readonly input: object
  readonly usage?: Figures
}

type Figures = Readonly<Record<string, number>>

/** The connection ends in the middle of an answer, or stays open without another word. */
interface Break {
  readonly breaks: 'cut' | 'hang'
}

export interface Refusal {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ScriptedClaude {
  readonly url: string
  /** Every request for an answer, oldest first. */
  readonly asks: readonly Ask[]
  /** For Claude Code's environment: here instead of the provider, no login, no calls elsewhere. */
  readonly env: Readonly<Record<string, string>>
  /** Requests that could not be read, or for which the script broke down. */
  readonly problems: readonly string[]
  close(): Promise<void>
}

export async function startScriptedClaude(decide: (ask: Ask) => Reply): Promise<ScriptedClaude> {
  const asks: Ask[] = []
  const problems: string[] = []
  const server = createServer((request, response) => {
    answer(request, response, decide, asks).catch((error) => {
      problems.push(`${request.method} ${request.url}: ${reasonOf(error)}`)
      refuse(response, 400, reasonOf(error))
    })
  })
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    asks,
    problems,
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: 'x',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      CLAUDE_CODE_MAX_RETRIES: '1',
      DISABLE_AUTOUPDATER: '1',
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  decide: (ask: Ask) => Reply,
  asks: Ask[],
): Promise<void> {
  const path = (request.url ?? '/').replace(/\?.*$/, '')
  if (path === '/v1/messages/count_tokens') return json(response, 200, { input_tokens: 1000 })
  if (request.method !== 'POST' || path !== '/v1/messages') return refuse(response, 404, `nothing at ${path}`)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = JSON.parse(Buffer.concat(chunks).toString())
  const ask = readAsk(body)
  asks.push(ask)
  const reply = decide(ask)
  if ('status' in reply) {
    const { type, message } = reply
    return json(response, reply.status, { type: 'error', error: { type, message } }, reply.headers)
  }
  if ('breaks' in reply) return broken(response, reply, ask.model)
  const message = messageOf(reply, ask.model)
  if (body.stream === true) stream(response, message)
  else json(response, 200, message)
}

function broken(response: ServerResponse, { breaks }: Break, model: string): void {
  const message = messageOf({ say: 'I was about to' }, model)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const start = { type: 'message_start', message: { ...message, content: [], stop_reason: null } }
  response.write(`event: message_start\ndata: ${JSON.stringify(start)}\n\n`)
  if (breaks === 'cut') response.destroy()
}

function messageOf(reply: Answer | Call, model: string) {
  const block =
    'say' in reply
      ? { type: 'text' as const, text: reply.say }
      : { type: 'tool_use' as const, id: `toolu_${randomUUID()}`, name: reply.tool, input: reply.input }
  return {
    id: `msg_${randomUUID()}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [block],
    stop_reason: 'say' in reply ? (reply.stop_reason ?? 'end_turn') : 'tool_use',
    stop_sequence: null,
    usage: reply.usage ?? { input_tokens: 1000, output_tokens: 100 },
  }
}

function stream(response: ServerResponse, message: ReturnType<typeof messageOf>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (type: string, fields: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`)
  send('message_start', { message: { ...message, content: [], stop_reason: null } })
  for (const [index, block] of message.content.entries()) {
    const isText = block.type === 'text'
    const content_block = isText ? { ...block, text: '' } : { ...block, input: {} }
    send('content_block_start', { index, content_block })
    const delta = isText
      ? { type: 'text_delta', text: block.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
    send('content_block_delta', { index, delta })
    send('content_block_stop', { index })
  }
  send('message_delta', {
    delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: message.usage,
  })
  send('message_stop', {})
  response.end()
}

function refuse(response: ServerResponse, status: number, message: string): void {
  json(response, status, { type: 'error', error: { type: 'invalid_request_error', message } })
}

function json(response: ServerResponse, status: number, value: object, headers: object = {}): void {
  if (response.headersSent) return void response.end()
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
