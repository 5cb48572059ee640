/** What the scripted model was sent. Bodies are large: only those of the latest requests are kept. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

export interface RecordedRequest {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Empty when it was not an object or the request is long past. */
  body: Record<string, unknown>
  readonly threadId: string
  /** The name in the marker, `inline`, or empty. */
  scenario: string
  /** The latest user message that is a prompt. */
  prompt: string
}

const bodiesKept = 300
const headersKept = ['thread-id', 'session-id', 'authorization', 'originator', 'user-agent', 'content-length']

export class Recorder {
  readonly requests: RecordedRequest[] = []

  add(request: IncomingMessage, path: string, body: Record<string, unknown> | undefined): RecordedRequest {
    const headers = pick(request.headers)
    const record: RecordedRequest = {
      time: Date.now(),
      method: request.method ?? '',
      path,
      headers,
      body: body ?? {},
      threadId: headers['thread-id'] ?? headers['session-id'] ?? String(body?.prompt_cache_key ?? ''),
      scenario: '',
      prompt: '',
    }
    this.requests.push(record)
    const old = this.requests.at(-1 - bodiesKept)
    if (old) old.body = {}
    return record
  }
}

function pick(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    headersKept.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  )
}
