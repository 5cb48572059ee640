import { expect, test } from 'vitest'
import { classify, type Ending, type FailureClass } from '../../../lib/tools/codex/failure.ts'
import { newTrack, type Track, track } from '../../../lib/tools/workers/track.ts'

const now = new Date(2026, 10, 20, 3, 0, 30)

const begun: Track = track(
  track(newTrack(), { kind: 'thread-started', thread: 'T' }, 0),
  { kind: 'turn-started' },
  0,
)

const classified = (ending: Partial<Ending>) =>
  classify({ track: begun, exitCode: 1, signal: null, stderrTail: '', now, ...ending })

const failed = (message: string) =>
  classified({ track: track(begun, { kind: 'turn-failed', message }, now.getTime()) })

/** Sentences of the real program, each as `turn.failed` gave it. */
const sentences: [FailureClass, boolean, string][] = [
  ['overload', true, 'We’re currently experiencing high demand, which may cause temporary errors.'],
  ['rate-limit', true, 'exceeded retry limit, last status: 429 Too Many Requests'],
  ['usage-limit', false, 'Quota exceeded. Check your plan and billing details.'],
  ['usage-limit', true, 'You’ve hit your usage limit. Try again later.'],
  ['usage-limit', true, "You've hit your usage limit for gpt-5.5. Switch to another model now."],
  ['usage-limit', false, 'Your workspace is out of credits. Add credits to continue.'],
  [
    'usage-limit',
    false,
    'You hit your spend cap set in your workspace. Increase your spend cap to continue.',
  ],
  [
    'usage-limit',
    false,
    'To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.',
  ],
  ['overload', true, 'Selected model is at capacity. Please try a different model.'],
  ['overload', true, 'Policy-restricted capacity is unavailable. Please try again later.'],
  ['overload', true, 'unexpected status 502 Bad Gateway: no, url: http://127.0.0.1:4010/v1/responses'],
  ['bad-request', false, '{"error":{"message":"bad \\"thing\\"","type":"invalid_request_error"}}'],
  ['bad-request', false, 'unexpected status 404 Not Found: no, url: http://127.0.0.1:5030/v1/responses'],
  ['auth', false, 'unexpected status 401 Unauthorized: no key, url: http://127.0.0.1:1/v1/responses'],
  ['auth', false, 'unexpected status 403 Forbidden: no, url: http://127.0.0.1:1/v1/responses'],
  ['auth', false, 'Missing environment variable: `SCRIPTED_KEY`.'],
  ['auth', false, 'Your access token could not be refreshed. Please log out and sign in again.'],
  [
    'rate-limit',
    true,
    'stream disconnected before completion: Rate limit reached. Please try again in 1.5s.',
  ],
  [
    'context-overflow',
    true,
    "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
  ],
  ['context-overflow', true, '{"error":{"code":"context_length_exceeded","message":"too long"}}'],
  ['network', true, 'stream disconnected before completion: stream closed before response.completed'],
  ['network', true, 'stream disconnected before completion: idle timeout waiting for SSE'],
  ['network', true, 'Connection failed: error sending request'],
  [
    'overload',
    true,
    'stream disconnected before completion: The server had an error processing your request.',
  ],
  [
    'model-error',
    true,
    'stream disconnected before completion: Incomplete response returned, reason: max_output_tokens',
  ],
  ['model-error', false, 'This request has been flagged for possible cybersecurity risk.'],
  ['killed', true, 'interrupted (Ctrl-C). Something went wrong? Hit `/feedback` to report the issue.'],
  ['crash', true, 'internal error; agent loop died unexpectedly'],
  ['crash', true, 'No space left on device (os error 28)'],
  ['model-error', true, 'something entirely new'],
]

test.each(sentences)('%s (retryable %s): %s', (kind, retryable, message) => {
  expect(failed(message)).toMatchObject({ class: kind, retryable })
})

test('a refused request is told by the provider’s own sentence', () => {
  expect(failed('{"error":{"message":"bad \\"thing\\"","code":7}}')?.message).toBe('bad "thing"')
  expect(failed('{"error":{"message":"bad \\q"}}')?.message).toBe('{"error":{"message":"bad \\q"}}')
})

test.each([
  ['You’ve hit your usage limit. Try again at 7:49 AM.', new Date(2026, 10, 20, 7, 50)],
  ['You’ve hit your usage limit. … or try again at 12:05 PM.', new Date(2026, 10, 20, 12, 6)],
  ['You’ve hit your usage limit. Try again at 3:00 AM.', new Date(2026, 10, 20, 3, 1)],
  ['You’ve hit your usage limit. Try again at 12:15 AM.', new Date(2026, 10, 21, 0, 16)],
  ['You’ve hit your usage limit. Try again at Nov 23rd, 2026 4:46 AM.', new Date(2026, 10, 23, 4, 47)],
  ['You’ve hit your usage limit. Try again at Jan 1st, 2027 12:00 AM.', new Date(2027, 0, 1, 0, 1)],
  ['You’ve hit your usage limit. Try again in 3 days 2 hours.', new Date(2026, 10, 23, 5, 0, 30)],
  ['You’ve hit your usage limit. Try again in 1 hour 5 minutes.', new Date(2026, 10, 20, 4, 5, 30)],
  ['Rate limit reached. Please try again in 1.5s.', new Date(now.getTime() + 1500)],
  // A record has no room for such a year.
  ['Rate limit reached. Please try again in 9999999d.', null],
  ['Rate limit reached. Please try again in 28ms. Visit …', new Date(now.getTime() + 28)],
  ['Rate limit reached. Please try again in 1m30s.', new Date(now.getTime() + 90_000)],
  ['You’ve hit your usage limit. Try again later.', null],
  ['You’ve hit your usage limit. Try again in a while.', null],
  ['You’ve hit your usage limit. Try again at Foo 23rd, 2026 4:46 AM.', null],
  [`You’ve hit your usage limit. Try again in ${'9'.repeat(400)} days.`, null],
])('%s', (message, time) => {
  expect(failed(message)?.retry_at).toBe(time?.toISOString() ?? null)
})

test('a completed turn with exit code 0 is no failure', () => {
  const usage = { input: 1, cached_input: 0, output: 1, reasoning: 0, total: 2 }
  const done = track(begun, { kind: 'turn-completed', usage }, 1)
  expect(classified({ track: done, exitCode: 0 })).toBeNull()
  expect(classified({ track: done, exitCode: null, signal: 'SIGTERM' })).toMatchObject({ class: 'killed' })
  expect(classified({ track: done, exitCode: 101 })).toMatchObject({ class: 'crash' })
})

test('exit code 0 alone proves nothing', () => {
  expect(classified({ exitCode: 0 })).toMatchObject({ class: 'crash', retryable: true })
})

const atWork = track(begun, { kind: 'tool-started', id: '1', tool: 'command', what: 'make' }, 1)
const stopped =
  '2026-11-20T05:53:32.494027Z ERROR codex_core::session: failed to record rollout items: thread T not found'
const noFolder = 'Error: No such file or directory (os error 2)\n\nStack backtrace:\n   0: <unknown>\n'
const noThread =
  'WARNING: proceeding, even though we could not create PATH aliases: x\nError: thread/resume: thread/resume failed: no rollout found for thread id 01a1 (code -32600)\n\nStack backtrace:\n   0: <unknown>\n'
const usageText =
  "error: the argument '--cd <DIR>' cannot be used multiple times\n\nUsage: codex exec [OPTIONS] [PROMPT]\n\nFor more information, try '--help'.\n"
const badConfig =
  'WARNING: proceeding, x\nError loading config.toml: invalid transport\nin `mcp_servers.ghost`\n\n'
const panic =
  "thread 'main' panicked at library/std/src/io/stdio.rs:1165:9:\nfailed printing to stdout: Broken pipe (os error 32)\n"

test.each([
  [
    'SIGKILL',
    { exitCode: null, signal: 'SIGKILL', track: atWork },
    'killed',
    'ended by SIGKILL (tool: make)',
    true,
  ],
  ['SIGINT', { track: atWork, stderrTail: stopped }, 'killed', 'interrupted (tool: make)', true],
  ['a shell that was killed', { exitCode: 143 }, 'killed', 'ended by signal 15', true],
  ['SIGSEGV', { exitCode: null, signal: 'SIGSEGV' }, 'crash', 'ended by SIGSEGV', true],
  [
    'a panic',
    { exitCode: 101, stderrTail: panic },
    'crash',
    "thread 'main' panicked at library/std/src/io/stdio.rs:1165:9: failed printing to stdout: Broken pipe (os error 32)",
    true,
  ],
  [
    'an error in the turn',
    { stderrTail: 'Error: lost it\n' },
    'crash',
    'ended with 1 without finishing its turn: Error: lost it',
    true,
  ],
  [
    'no folder',
    { track: newTrack(), stderrTail: noFolder },
    'start-failed',
    'Error: No such file or directory (os error 2)',
    false,
  ],
  [
    'a thread that is gone',
    { track: newTrack(), stderrTail: noThread },
    'start-failed',
    'Error: thread/resume: thread/resume failed: no rollout found for thread id 01a1 (code -32600)',
    false,
  ],
  [
    'a thread in use',
    { track: newTrack(), stderrTail: 'Error: thread T already has an active writer\n' },
    'start-failed',
    'Error: thread T already has an active writer',
    true,
  ],
  [
    'a wrong flag',
    { track: newTrack(), exitCode: 2, stderrTail: usageText },
    'start-failed',
    "error: the argument '--cd <DIR>' cannot be used multiple times",
    false,
  ],
  [
    'a wrong configuration',
    { track: newTrack(), stderrTail: badConfig },
    'start-failed',
    'Error loading config.toml: invalid transport in `mcp_servers.ghost`',
    false,
  ],
  ['no process', { track: newTrack(), exitCode: null }, 'start-failed', 'it did not start', false],
  ['a silent end', { track: newTrack(), exitCode: 1 }, 'start-failed', 'it ended at once with 1', false],
] as const)('without a last event: %s', (_, ending, kind, message, retryable) => {
  expect(classified(ending)).toEqual({ class: kind, message, retryable, retry_at: null })
})
