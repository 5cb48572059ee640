import { expect, test } from 'vitest'
import { ClaudeEvents } from '../../../lib/tools/claude/events.ts'
import { classify } from '../../../lib/tools/claude/failure.ts'
import { newTrack, track } from '../../../lib/tools/workers/track.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const line = (value: object) => `${JSON.stringify(value)}\n`
const init = line({ type: 'system', subtype: 'init', session_id: '0b1f7a1e-1111-4222-8333-444455556666' })

/** What a stream, an exit code and the program's complaints come to. */
function ending(text: string, exitCode: number | null = 1, signal: string | null = null, stderrTail = '') {
  const events = new ClaudeEvents().feed(Buffer.from(text))
  const state = events.reduce((before, event) => track(before, event, 1), newTrack())
  return classify({ track: state, exitCode, signal, stderrTail, now })
}

/** As the program reports a refused request: in the model's place, and in its result. */
const refused = (status: number | null, error: string, result: string, ...before: object[]) =>
  [
    init,
    ...before.map(line),
    line({
      type: 'assistant',
      message: {
        model: '<synthetic>',
        content: [{ type: 'text', text: result }],
        usage: { input_tokens: 0 },
      },
      error,
    }),
    line({
      type: 'result',
      subtype: 'success',
      is_error: true,
      api_error_status: status,
      result,
      modelUsage: {},
    }),
  ].join('')

const limit = { status: 'rejected', resetsAt: 1795186298, rateLimitType: 'five_hour' }

// The texts are the real program's (2.1.197) for answers of a scripted provider.
test.each([
  [429, 'rate_limit', "You've hit your limit · resets 2:51pm (UTC)", 'usage-limit', true],
  [
    429,
    'rate_limit',
    'API Error: Request rejected (429) · Number of requests has exceeded',
    'rate-limit',
    true,
  ],
  [529, 'overloaded', 'API Error: 529 Overloaded. This is a server-side issue', 'overload', true],
  [
    500,
    'server_error',
    'API Error: 500 Internal server error. This is a server-side issue',
    'overload',
    true,
  ],
  [401, 'authentication_failed', 'Invalid API key · Fix external API key', 'auth', false],
  [403, 'authentication_failed', 'Failed to authenticate. API Error: 403 no permission', 'auth', false],
  [null, 'authentication_failed', 'Not logged in · Please run /login', 'auth', false],
  [400, 'billing_error', 'Credit balance is too low', 'usage-limit', false],
  [400, 'invalid_request', 'Prompt is too long · the request is ~210000 tokens', 'context-overflow', true],
  [400, 'unknown', 'API Error: 400 messages.0: something bad', 'bad-request', false],
  [404, 'model_not_found', "There's an issue with the selected model (x).", 'bad-request', false],
  [
    413,
    'invalid_request',
    'Request too large (max 32MB). Try with a smaller file.',
    'context-overflow',
    true,
  ],
  [null, 'server_error', 'API Error: Unable to connect to API (ConnectionRefused)', 'network', true],
  [null, 'server_error', 'API Error: Unable to connect to API (ECONNRESET)', 'network', true],
  [
    null,
    'max_output_tokens',
    "API Error: Claude's response exceeded the 64000 output token maximum.",
    'model-error',
    true,
  ],
  [
    null,
    'invalid_request',
    'API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy',
    'model-error',
    false,
  ],
  [null, 'unknown', 'Something new', 'model-error', true],
])('a refusal (%s %s) has its class: %s', (status, error, said, kind, retryable) => {
  expect(ending(refused(status, error, said))).toMatchObject({
    class: kind,
    retryable,
    message: expect.stringContaining(said.replace(/\.$/, '')),
  })
})

test('a limit of the account says until when', () => {
  const event = { type: 'rate_limit_event', rate_limit_info: limit }
  const failure = ending(refused(429, 'rate_limit', "You've hit your limit", event))
  expect(failure).toMatchObject({ class: 'usage-limit', retry_at: '2026-11-20T14:51:38.000Z' })
  // Milliseconds, say: no record has room for such a year.
  for (const resetsAt of [1e300, 1795186298000, -1]) {
    const absurd = { type: 'rate_limit_event', rate_limit_info: { ...limit, resetsAt } }
    expect(ending(refused(429, 'rate_limit', 'x', absurd))).toMatchObject({ retry_at: null })
  }
})

test('an end without a result is known by how it came', () => {
  const done = line({ type: 'result', subtype: 'success', is_error: false, result: 'done', modelUsage: {} })
  expect(ending(init + done, 0)).toBeNull()
  // SIGINT while it waits for the model: not a word, and code 0.
  expect(ending(init, 0)).toMatchObject({ class: 'killed' })
  expect(ending(init, null, 'SIGKILL')).toMatchObject({ class: 'killed' })
  expect(ending(init, null, 'SIGSEGV')).toMatchObject({ class: 'crash' })
  expect(ending(init, 143)).toMatchObject({ class: 'killed' })
  expect(ending(init + done, 1, null, 'boom')).toMatchObject({ class: 'crash' })
  expect(ending('', 1, null, "error: unknown option '--x'")).toMatchObject({
    class: 'start-failed',
    retryable: false,
  })
  const gone = {
    type: 'result',
    subtype: 'error_during_execution',
    is_error: true,
    errors: ['No conversation found with session ID: x'],
  }
  expect(ending(line(gone))).toMatchObject({ class: 'start-failed' })
  const cut = {
    type: 'result',
    subtype: 'error_during_execution',
    is_error: true,
    terminal_reason: 'aborted_tools',
    errors: ['[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=tool_use'],
  }
  expect(ending(init + line(cut))).toMatchObject({
    class: 'killed',
    message: 'error_during_execution, aborted_tools',
  })
  // What programs call -1 is no signal.
  expect(ending(init, 255)).toMatchObject({ class: 'crash' })
})

// Seen to fail: without `advised` in lib/tools/claude/failure.ts, and without the look for an error in `reasonIn` there.
test('what to type is said where the program says it for somebody else, and the error in many words is found', () => {
  const model =
    "There's an issue with the selected model (x). It may not exist or you may not have access to it. Run --model to pick a different model."
  expect(ending(refused(404, 'model_not_found', model))?.message).toMatch(
    /\(x\)\. It may not exist or you may not have access to it \(model and effort: in the spec, or in [^ ]*config\.yaml\)$/,
  )
  expect(ending(refused(401, 'authentication_failed', 'Invalid API key'))?.message).toMatch(/\/login/)
  const many = `${'Loading the things that it needs\n'.repeat(50)}Error: Cannot find module 'yoga'\n    at x\n`
  expect(ending('', 1, null, many)?.message).toMatch(/^Error: Cannot find module 'yoga'/)
})
