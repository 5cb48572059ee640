import { expect, test } from 'vitest'
import type { WorkerEvent } from '../../../lib/tools/codex/events.ts'
import { newTrack, type Track, track } from '../../../lib/tools/workers/track.ts'

/** Folds events that come at 1, 2, 3 … */
const fold = (events: WorkerEvent[], from = newTrack()): Track =>
  events.reduce((state, event, index) => track(state, event, from.activity.last_event + index + 1), from)

const begun: WorkerEvent[] = [{ kind: 'thread-started', thread: 'T' }, { kind: 'turn-started' }]
const start = (id: string, what = id): WorkerEvent => ({ kind: 'tool-started', id, tool: 'command', what })
const end = (id: string, exit = 0): WorkerEvent => ({ kind: 'tool-ended', id, ok: exit === 0, exit })

test('a worker that has said nothing is starting, since it was started', () => {
  expect(newTrack(5).activity).toEqual({ kind: 'starting', what: null, since: 5, last_event: 5 })
  expect(fold(begun.slice(0, 1), newTrack(5)).activity).toEqual({
    kind: 'starting',
    what: null,
    since: 5,
    last_event: 6,
  })
})

test('thinking lasts from the start of the turn, whatever is said meanwhile', () => {
  const state = fold([...begun, { kind: 'message', text: 'hello' }, { kind: 'reasoning', text: 'hm' }])
  expect(state.activity).toEqual({ kind: 'thinking', what: null, since: 2, last_event: 4 })
  expect(state).toMatchObject({ threadId: 'T', lastMessage: 'hello', counts: { messages: 1 } })
})

test('of several running tools the oldest is shown, with its own beginning', () => {
  const two = fold([...begun, start('a', 'sleep 9'), start('b', 'ls')])
  expect(two.activity).toEqual({ kind: 'tool', what: 'sleep 9', since: 3, last_event: 4 })
  const one = fold([end('a')], two)
  expect(one.activity).toEqual({ kind: 'tool', what: 'ls', since: 4, last_event: 5 })
  const none = fold([end('b', 2)], one)
  expect(none.activity).toEqual({ kind: 'thinking', what: null, since: 6, last_event: 6 })
  expect(none.counts).toEqual({ commands: 2, ended_commands: 2, failed_commands: 1, patches: 0, messages: 0 })
})

test('only patches that were applied are counted', () => {
  const patch = (id: string): WorkerEvent => ({ kind: 'tool-started', id, tool: 'patch', what: 'add a' })
  const state = fold([
    ...begun,
    patch('1'),
    { ...end('1'), exit: null } as WorkerEvent,
    patch('2'),
    end('2', 1),
  ])
  expect(state.counts).toEqual({
    commands: 0,
    ended_commands: 0,
    failed_commands: 0,
    patches: 1,
    messages: 0,
  })
})

test('reconnecting begins with the first such notice and ends with the next real event', () => {
  const state = fold([
    ...begun,
    { kind: 'notice', message: 'Model metadata not found' },
    { kind: 'notice', message: 'Reconnecting... 1/5 (x)' },
    { kind: 'notice', message: 'Reconnecting... 2/5 (x)' },
    { kind: 'unknown' },
  ])
  expect(state.activity).toEqual({
    kind: 'reconnecting',
    what: 'Reconnecting... 2/5 (x)',
    since: 4,
    last_event: 6,
  })
  expect(state.outcome).toBeNull()
  expect(fold([{ kind: 'message', text: 'on' }], state).activity.kind).toBe('thinking')
})

test('the end of a turn ends everything, also a command that was still running', () => {
  const usage = { input: 10, cached_input: 0, output: 1, reasoning: 0, total: 11 }
  const state = fold([...begun, start('a'), { kind: 'turn-completed', usage }])
  expect(state).toMatchObject({ outcome: { ended: 'completed' }, usage, running: [] })
  expect(state.activity).toEqual({ kind: 'ended', what: null, since: 4, last_event: 4 })
  const failed = fold([...begun, { kind: 'turn-failed', message: 'no' }])
  expect(failed).toMatchObject({ outcome: { ended: 'failed', message: 'no' }, usage: null })
})

test('a track is never changed in place', () => {
  const freeze = (state: Track): Track => {
    for (const value of Object.values(state)) if (typeof value === 'object') Object.freeze(value)
    return Object.freeze(state)
  }
  const events: WorkerEvent[] = [...begun, start('a'), end('a'), { kind: 'notice', message: 'n' }]
  expect(() =>
    events.reduce((state, event) => freeze(track(state, event, 1)), freeze(newTrack())),
  ).not.toThrow()
})
