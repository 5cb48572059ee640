/**
 * Writes one response, step by step. Everything up to a pause goes out in one piece. A client that goes away
 * ends the play; nothing is thrown for it.
 */

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Item, itemOf } from './items.ts'
import type { Cut, Fail, Status, Step, Usage } from './scenario.ts'

/** Resolves when the model is released or the signal is raised. */
export type Released = (gone: AbortSignal) => Promise<void>

export async function play(
  response: ServerResponse,
  steps: readonly Step[],
  tools: ReadonlySet<string>,
  released: Released,
): Promise<void> {
  const gone = goneSignal(response)
  const stream = new Stream(response)
  let cutting: Cut | undefined
  for (const step of steps) {
    if (gone.aborted) return
    const item = itemOf(step, tools)
    if (item && cutting) return stream.breakOff(item, cutting.cut)
    if (item) stream.item(item)
    else if ('status' in step) return sendStatus(response, step)
    else if ('fail' in step) return stream.fail(step)
    else if ('cut' in step) cutting = step
    else if ('hang' in step) await stream.pause(() => released(gone))
    else if ('wait' in step) await sleep(step.wait, undefined, { signal: gone }).catch(ignoreAbort)
  }
  if (gone.aborted) return
  if (cutting) stream.breakOff(undefined, cutting.cut)
  else stream.complete(sum(steps.flatMap((step) => step.usage ?? [])))
}

/** A response that is these items and nothing else. */
export function sendItems(response: ServerResponse, items: readonly Item[]): void {
  const stream = new Stream(response)
  for (const item of items) stream.item(item)
  stream.complete(sum([]))
}

export function sendStatus(response: ServerResponse, { status, body, retryAfter }: Status): void {
  const error = { error: { message: `scripted ${status}`, type: 'scripted_error', code: null } }
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? error)
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  })
  response.end(text)
}

class Stream {
  readonly response: ServerResponse
  readonly id = `resp_${randomUUID()}`
  pending = ''

  constructor(response: ServerResponse) {
    this.response = response
    response.statusCode = 200
    response.setHeader('content-type', 'text/event-stream')
    this.event('response.created', { response: { id: this.id, object: 'response', status: 'in_progress' } })
  }

  event(type: string, fields: object): void {
    this.pending += `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
  }

  item(item: Item): void {
    this.event('response.output_item.done', { output_index: 0, item })
  }

  async pause(until: () => Promise<void>): Promise<void> {
    this.response.write(this.pending)
    this.pending = ''
    await until()
  }

  complete(usage: object): void {
    const response = { id: this.id, object: 'response', status: 'completed', usage }
    this.event('response.completed', { response })
    this.response.end(this.pending)
  }

  fail({ fail, message = fail }: Fail): void {
    const response = { id: this.id, object: 'response', status: 'failed', error: { code: fail, message } }
    this.event('response.failed', { response })
    this.response.end(this.pending)
  }

  /** Ends the connection in the middle of the stream, after what is pending has been handed to the network. */
  breakOff(item: Item | undefined, after: Cut['cut']): void {
    if (item && after === 'item') this.item(item)
    else if (item) {
      this.event('response.output_item.added', { output_index: 0, item: { ...item, content: [] } })
      this.event('response.output_text.delta', { output_index: 0, content_index: 0, delta: 'a part of' })
    }
    this.response.write(this.pending, () => this.response.destroy())
  }
}

function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  if (response.destroyed) controller.abort()
  else response.once('close', () => controller.abort())
  return controller.signal
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}

function sum(usages: readonly Usage[]): object {
  const total = (kind: keyof Usage, none: number) =>
    usages.length === 0 ? none : usages.reduce((all, usage) => all + (usage[kind] ?? 0), 0)
  const input_tokens = total('input', 1000)
  const output_tokens = total('output', 100)
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: total('cached', 0) },
    output_tokens,
    output_tokens_details: { reasoning_tokens: total('reasoning', 0) },
    total_tokens: input_tokens + output_tokens,
  }
}
