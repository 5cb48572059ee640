/**
 * A local HTTP server that stands for the model provider: it speaks the Responses API well enough for the real
 * codex and plays the script that a marker in the prompt chooses (`marker.ts`, `scenario.ts`). For tests, the
 * demo and the benchmark. It answers at once, remembers what it was asked, and no request can make it fall.
 * It does not check keys or count real tokens.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reasonOf } from '../../lib/kit/errors.ts'
import { codexConfig, keyVariable } from './config.ts'
import { readConversation } from './conversation.ts'
import { messageItem, pollItem } from './items.ts'
import { type Counts, planResponse } from './plan.ts'
import { findPosition, summaryOf } from './position.ts'
import { type RecordedRequest, Recorder } from './recorder.ts'
import type { Scenario } from './scenario.ts'
import { chooseScript } from './script.ts'
import { play, sendItems, sendStatus } from './stream.ts'

export type { RecordedRequest } from './recorder.ts'

export interface ScriptedModel {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string
  readonly port: number
  /** Everything it was sent, oldest first. */
  readonly requests: readonly RecordedRequest[]
  set(name: string, scenario: Scenario): void
  /** Lets every response go on that hangs now, and says how many those were. */
  release(): number
  /** For `codex -c key=value`; `codexFlags` of `config.ts` makes arguments of it. */
  codexConfig(): Record<string, string | number | boolean>
  /** Codex needs this in its environment. */
  readonly env: Record<string, string>
  close(): Promise<void>
}

export interface ScriptedModelOptions {
  /** 0, the default, takes any free one. */
  readonly port?: number
  readonly scenarios?: Readonly<Record<string, Scenario>>
}

interface State {
  readonly scenarios: Map<string, Scenario>
  readonly recorder: Recorder
  readonly counts: Counts
  readonly hanging: Set<() => void>
}

export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const state: State = {
    scenarios: new Map(Object.entries(options.scenarios ?? {})),
    recorder: new Recorder(),
    counts: new Map(),
    hanging: new Set(),
  }
  const server = createServer((request, response) => {
    answer(request, response, state).catch((error) => giveUp(response, error))
  })
  // A kept connection must not be closed under a client that is about to use it again.
  server.keepAliveTimeout = 600_000
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/v1`
  return {
    url,
    port,
    requests: state.recorder.requests,
    set: (name, scenario) => void state.scenarios.set(name, scenario),
    release: () => {
      const hanging = [...state.hanging]
      for (const resume of hanging) resume()
      return hanging.length
    },
    codexConfig: () => codexConfig(url),
    env: { [keyVariable]: 'x' },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const path = (request.url ?? '/').replace(/\?.*$/, '')
  const text = await readBody(request)
  const body = parseBody(text)
  const record = state.recorder.add(request, path, body)
  if (path !== '/v1/responses') return refuse(response, 404, `there is nothing at ${path}`)
  // Codex tries a WebSocket first when a provider may have one; this answer sends it back to plain requests.
  if (request.method === 'GET') return refuse(response, 426, 'this server has no WebSocket')
  if (request.method !== 'POST') return refuse(response, 405, `${request.method} is not possible`)
  if (!body || !Array.isArray(body.input)) return refuse(response, 400, 'the body has no list "input"')

  const { entries, tools } = readConversation(body)
  const script = await chooseScript(entries, state.scenarios, String(body.model ?? ''))
  const position = findPosition(script.steps, entries.slice(script.since + 1))
  record.scenario = script.name
  record.prompt = script.prompt
  if (entries.at(-1)?.kind === 'compaction') return sendItems(response, [messageItem(summaryOf(position))])
  if (position.unfinished) {
    return sendItems(response, [pollItem(position.unfinished, script.steps[position.at - 1])])
  }
  const key = `${record.threadId} ${script.ordinal} ${script.name}`
  const steps = planResponse(script.steps, position.at, key, state.counts)
  await play(response, steps, tools, (gone) => hang(gone, state.hanging))
}

function hang(gone: AbortSignal, hanging: Set<() => void>): Promise<void> {
  return new Promise((resolve) => {
    const resume = () => {
      hanging.delete(resume)
      resolve()
    }
    hanging.add(resume)
    if (gone.aborted) resume()
    else gone.addEventListener('abort', resume, { once: true })
  })
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function parseBody(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  sendStatus(response, { status, body: { error: { message, type: 'scripted_refusal', code: null } } })
}

/** A scenario that throws is a 400, which codex does not repeat and shows with its text. */
function giveUp(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) response.destroy()
  else refuse(response, 400, `the scenario failed: ${reasonOf(error)}`)
}
