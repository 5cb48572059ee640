/**
 * Why Claude Code ended without finishing its turn. Its result has the status of the refused request, and the message
 * before it a word for the error; an account's limit is a refused request (429) that says when it is over. The words
 * are those of 2.1.197.
 */

import { clean, oneLine } from '../../kit/text.ts'
import type { WorkerEvent } from '../workers/event.ts'
import {
  byNumber,
  bySignal,
  type Cause,
  doing,
  type Ending,
  type FailureClass,
  failure,
  timeOf,
  type WorkerFailure,
  withPlace,
} from '../workers/failure.ts'

export interface Said {
  /** HTTP status of the refused request. */
  readonly status: number | null
  readonly error: string | null
  readonly message: string
  /** When the limit that was met is over; seconds. */
  readonly resets: number | null
  readonly ended: string
}

/** First match counts: words before numbers, which are the same for many things. */
const sentences: [FailureClass, boolean, RegExp][] = [
  ['start-failed', false, /^no conversation found/i],
  ['killed', true, /\baborted_/],
  // It calls that an invalid request.
  ['model-error', false, /violate our usage policy/i],
  ['usage-limit', false, /credit balance|billing_error/i],
  ['usage-limit', true, /hit your .{0,40}limit|reached your .{0,40}limit|usage limit|out of (extra )?usage/i],
  [
    'context-overflow',
    true,
    /prompt is too long|request too large|context (window|limit)|conversation (is )?too long/i,
  ],
  [
    'auth',
    false,
    /authentication_failed|not logged in|invalid api key|\/login|oauth_org_not_allowed|\b40[13] /i,
  ],
  // It calls that an error of the server.
  [
    'network',
    true,
    /unable to connect|connection error|socket|timed? ?out|fetch failed|E(CONN|HOST|NET|PIPE)/i,
  ],
  ['rate-limit', true, /\brate_limit\b|\b429 /],
  ['overload', true, /\boverloaded\b|server_error|\b5\d\d /],
  ['model-error', true, /max_output_tokens|max_turns|max_budget/],
  ['bad-request', false, /model_not_found|invalid_request|\b4\d\d /],
  ['network', true, /connect|network|dns/i],
]

export function causeOf({ status, error, message, resets, ended }: Said): Cause {
  const all = [message, error, ended, `${status ?? ''} `].join('\n')
  const [kind, retryable] =
    status === 429 && resets !== null
      ? (['usage-limit', true] as const)
      : (sentences.find(([, , words]) => words.test(all)) ?? (['model-error', true] as const))
  const at = kind === 'usage-limit' && retryable && resets !== null ? new Date(resets * 1000) : null
  return { class: kind, retryable, retry_at: timeOf(at) }
}

/** Its own advice is for who sits in front of it. */
function advised(kind: FailureClass, said: string): string {
  if (kind === 'auth')
    return `${said} (log in: type claude and there /login; or export another ANTHROPIC_API_KEY)`
  return withPlace(kind, said.replace(/ Run --model to [^.]*\./, ''))
}

/** What it ignores and goes on without, such as an effort that it does not know. */
export function warnings(stderrTail: string): WorkerEvent[] {
  const said = stderrTail.split('\n').filter((line) => /^warning:.*--\w/i.test(line))
  return said.slice(0, 1).map((line) => ({ kind: 'hindered', why: `claude says: ${oneLine(line, 300)}` }))
}

/** The sentence among its last words that says why, else their beginning. */
function reasonIn(stderrTail: string): string {
  const lines = stderrTail.split('\n')
  const from = lines.findIndex((line) => /^(\w*error|fatal)\b/i.test(line))
  return oneLine(lines.slice(Math.max(0, from)).join('\n'), 500)
}

/** Null when the turn completed and the program ended with 0. */
export function classify(ending: Ending): WorkerFailure | null {
  const { track, exitCode, stderrTail } = ending
  const { outcome } = track
  if (outcome?.ended === 'failed') {
    const { message, cause } = outcome
    const said = oneLine(clean(message), 500) || 'the turn failed without a reason'
    return cause ? { ...cause, message: advised(cause.class, said) } : failure('model-error', said, true)
  }
  if (outcome?.ended === 'completed' && exitCode === 0) return null
  const ended = bySignal(ending)
  if (ended) return ended
  const reason = reasonIn(stderrTail)
  if (track.threadId === null) {
    const message = reason || (exitCode === null ? 'it did not start' : `it ended at once with ${exitCode}`)
    return failure('start-failed', message, false)
  }
  const numbered = byNumber(ending)
  if (numbered) return numbered
  // While it waits for the model it answers SIGINT with code 0 and not a word.
  if (outcome === null && exitCode === 0) return failure('killed', `interrupted${doing(track)}`, true)
  const what = outcome === null ? 'without finishing its turn' : 'after finishing its turn'
  return failure('crash', `ended with ${exitCode} ${what}${reason && `: ${reason}`}`, true)
}
