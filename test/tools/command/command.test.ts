/** Seen to fail: with no look for shell words and relative paths in lib/tools/command/command.ts; with 255 as a signal. */
import { expect, test } from 'vitest'
import { commandKind } from '../../../lib/tools/command/command.ts'
import { newTrack, track } from '../../../lib/tools/workers/track.ts'

const kind = (run: string | null) => commandKind({ run, env: [] }, { PATH: '/usr/bin:/bin' })

test.each([
  'cat',
  ' exec cat',
  '/bin/cat -',
  './agent.sh',
  'tools/agent --stdin',
  '~/bin/agent',
  'MODE=fast agent',
  '"my agent" -',
  'cd sub && agent',
  'if true; then cat; fi',
  '(agent)',
  'agent;true',
])('a command that may well run is let run: %s', (run) => {
  expect(kind(run).find()).toBe('/bin/sh')
})

test.each([null, 'no-such-agent', 'exec no-such-agent -', '/bin/no-such-agent', '/bin'])(
  'one that cannot is refused: %s',
  (run) => {
    expect(() => kind(run).find()).toThrow(expect.objectContaining({ code: 'worker-not-found' }))
  },
)

test.each([
  [0, null, null, null],
  [3, null, 'crash', true],
  [126, null, 'start-failed', false],
  [127, null, 'start-failed', false],
  [143, null, 'killed', true],
  [255, null, 'crash', true],
  [null, 'SIGKILL', 'killed', true],
  [null, 'SIGSEGV', 'crash', true],
] as const)('an end with %s %s is: %s', (exitCode, signal, ended, retryable) => {
  const worker = kind('cat')
  const end = worker.atEnd(exitCode, '').reduce((state, event) => track(state, event, 1), newTrack())
  const failure = worker.classify({ track: end, exitCode, signal, stderrTail: '', now: new Date() })
  expect(failure && [failure.class, failure.retryable]).toEqual(ended && [ended, retryable])
})

test('what it prints last is what it does, and the end of all of it its last words, whatever pieces it comes in', () => {
  const reader = kind('cat').events()
  const pieces = [Buffer.from('one\ntw'), Buffer.from([0xc3]), Buffer.from([0xb6, 0x0a])]
  const end = pieces
    .flatMap((piece) => reader.feed(piece))
    .reduce((state, event) => track(state, event, 1), newTrack())
  expect(end.lastMessage).toBe('one\ntwö\n')
  expect(end.activity).toMatchObject({ kind: 'thinking', what: 'twö' })
})
