/**
 * Why a worker ended without finishing its turn, and whether another attempt can help. The program gives no
 * codes in its event stream, only sentences: the table below knows those of 0.169. A sentence that nobody
 * knows is a model error worth another attempt; attempts are limited elsewhere.
 */
import { oneLine } from '../../kit/text.ts'
import {
  byNumber,
  bySignal,
  doing,
  type Ending,
  type FailureClass,
  failure,
  type WorkerFailure,
  withPlace,
} from '../workers/failure.ts'
import { parseTable } from '../workers/json.ts'
import { retryAt } from './retry-at.ts'
import { reasonIn } from './stderr.ts'

export type { Ending, FailureClass, WorkerFailure } from '../workers/failure.ts'

/** First match counts: an account's limit before a request's, a named cause before a broken stream. */
const sentences: [FailureClass, boolean, RegExp][] = [
  ['usage-limit', true, /hit your usage limit|usage_limit_reached|reached your usage limit/i],
  [
    'usage-limit',
    false,
    /quota exceeded|insufficient_quota|out of credits|spend cap|spend_limit|credit limit/i,
  ],
  ['usage-limit', false, /upgrade to plus|usage_not_included/i],
  ['context-overflow', true, /ran out of room|context[_ ]window|context_length|maximum context/i],
  ['auth', false, /\bstatus:? 40[13]\b|missing environment variable|invalid_api_key|incorrect api key/i],
  ['auth', false, /sign in again|not logged in|refresh.{0,20}token|access token|access blocked/i],
  ['model-error', true, /incomplete response/i],
  [
    'model-error',
    false,
    /flagged for|policy violation|access to this content|image poisoning|invalid prompt/i,
  ],
  ['rate-limit', true, /\bstatus:? 429\b|too many requests|rate[_ ]limit/i],
  ['network', true, /\bstatus:? 40[78]\b/],
  ['overload', true, /\bstatus:? 5\d\d\b|at capacity|capacity is unavailable|overloaded|high (demand|load)/i],
  ['overload', true, /server_error|server had an error/i],
  ['bad-request', false, /^\s*\{|\bstatus:? 4\d\d\b|invalid_request|not supported|unsupported/i],
  ['killed', true, /interrupted|turn aborted/i],
  [
    'crash',
    true,
    /waiting for child|spawn failed|os error|no space left|fatal error|internal error|panicked/i,
  ],
  ['network', true, /stream disconnected|connect|network|sending request|time(d )?out|dns|server response/i],
]

/** Null when the turn completed and the program ended with 0. */
export function classify(ending: Ending): WorkerFailure | null {
  const { track, exitCode } = ending
  if (track.outcome?.ended === 'failed') return refused(track.outcome.message, ending)
  if (track.outcome?.ended === 'completed' && exitCode === 0) return null
  const reason = reasonIn(ending.stderrTail)
  const ended = bySignal(ending)
  if (ended) return ended
  if (exitCode === 101) return failure('crash', reason || 'the program panicked', true)
  if (track.threadId === null) {
    const message = reason || (exitCode === null ? 'it did not start' : `it ended at once with ${exitCode}`)
    return failure('start-failed', message, passing.test(message))
  }
  const numbered = byNumber(ending)
  if (numbered) return numbered
  // An interrupt leaves no word: the program answers SIGINT with code 1 in the middle of its turn.
  if (exitCode === 1 && track.outcome === null && !/^error\b/i.test(reason))
    return failure('killed', `interrupted${doing(track)}`, true)
  const what = track.outcome === null ? 'without finishing its turn' : 'after finishing its turn'
  return failure('crash', `ended with ${exitCode} ${what}${reason && `: ${reason}`}`, true)
}

/** What keeps a program from starting only now. */
const passing =
  /active writer|database is locked|resource temporarily|too many open files|cannot allocate|text file busy/i

function refused(message: string, { track, now }: Ending): WorkerFailure {
  const [kind, retryable] = sentences.find(([, , words]) => words.test(message)) ?? ['model-error', true]
  // Words like "in 20 s" and "at 4:46 AM" count from when they were said.
  const said = track.activity.last_event > 0 ? new Date(track.activity.last_event) : now
  const at = retryable ? retryAt(message, said) : null
  return failure(
    kind,
    advised(kind, readable(message) || 'the turn failed without a reason', message),
    retryable,
    at,
  )
}

/** What to type, where the provider does not say so. */
function advised(kind: FailureClass, said: string, whole: string): string {
  if (kind === 'auth' && /\b401\b|token|sign in|logged in/i.test(said)) return `${said} (log in: codex login)`
  return withPlace(kind, said, whole)
}

/** A refused request is reported as the provider's whole answer. */
function readable(message: string): string {
  const quoted = /^\s*\{/.test(message) ? /"message"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(message)?.[1] : undefined
  const said = quoted === undefined ? undefined : parseTable(`{"said":${quoted}}`)?.said
  return oneLine(typeof said === 'string' ? said : message, 500)
}
