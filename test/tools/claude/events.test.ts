import { expect, test } from 'vitest'
import { ClaudeEvents } from '../../../lib/tools/claude/events.ts'
import type { WorkerEvent } from '../../../lib/tools/workers/event.ts'

const bytes = (...lines: unknown[]) =>
  Buffer.from(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''))
const read = (...lines: unknown[]): WorkerEvent[] =>
  new ClaudeEvents().feed(bytes(...lines)).filter(({ kind }) => kind !== 'unknown')

const init = { type: 'system', subtype: 'init', session_id: 'S' }
const usage = {
  input_tokens: 10,
  output_tokens: 5,
  cache_read_input_tokens: 100,
  cache_creation_input_tokens: 20,
}
const said = (id: string, block: object, more: object = {}) => ({
  type: 'assistant',
  message: { id, model: 'claude-x', content: [block], usage },
  ...more,
})
const ended = (id: string, content: unknown, is_error = false) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content, is_error }] },
})
const result = (models: object) => ({
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: 'x',
  modelUsage: models,
})
const used = (n: number) => ({
  input: 130 * n,
  cached_input: 100 * n,
  output: 5 * n,
  reasoning: 0,
  total: 135 * n,
})

test('words, thoughts and tools are told, and what each answer used, once for all its pieces', () => {
  const call = { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'make test' } }
  expect(
    read(
      init,
      said('a', { type: 'thinking', thinking: 'hm' }),
      said('a', call),
      ended('t1', 'Exit code 3\nno', true),
      said('b', { type: 'text', text: 'done' }),
      result({}),
    ),
  ).toEqual([
    { kind: 'thread-started', thread: 'S' },
    { kind: 'turn-started' },
    { kind: 'reasoning', text: 'hm' },
    { kind: 'used', usage: used(1) },
    { kind: 'tool-started', id: 't1', tool: 'command', what: 'make test' },
    { kind: 'used', usage: used(1) },
    { kind: 'tool-ended', id: 't1', ok: false, exit: 3 },
    { kind: 'message', text: 'done' },
    { kind: 'used', usage: used(2) },
    { kind: 'turn-completed', usage: used(2) },
  ])
})

test('the result counts all models of the run; a second beginning goes on with the same thread', () => {
  const models = {
    a: { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 100, cacheCreationInputTokens: 20 },
  }
  const both = { ...models, b: models.a }
  expect(read(init, result(models), init, result(both)).slice(1)).toEqual([
    { kind: 'turn-started' },
    { kind: 'turn-completed', usage: used(1) },
    { kind: 'turn-started' },
    { kind: 'turn-completed', usage: used(2) },
  ])
})

test.each([
  ['Write', { file_path: '/r/a.txt' }, 'patch', 'write /r/a.txt'],
  ['Edit', { file_path: '/r/a.txt' }, 'patch', 'edit /r/a.txt'],
  ['WebFetch', { url: 'https://x' }, 'search', 'https://x'],
  ['mcp__db__ask', {}, 'mcp', 'db.ask'],
  ['Task', { description: 'look around' }, 'other', 'Task look around'],
])('%s is shown as what it does', (name, input, tool, what) => {
  const [, , event] = read(init, said('a', { type: 'tool_use', id: 't', name, input }))
  expect(event).toEqual({ kind: 'tool-started', id: 't', tool, what })
})

test('the words of a helper are not the worker’s, nor are the program’s own; a retry is a notice', () => {
  const retry = {
    type: 'system',
    subtype: 'api_retry',
    attempt: 1,
    max_retries: 4,
    error_status: 529,
    error: 'overloaded',
  }
  const own = {
    type: 'assistant',
    message: { model: '<synthetic>', content: [{ type: 'text', text: 'API Error' }] },
  }
  const helper = said('h', { type: 'text', text: 'mine' }, { parent_tool_use_id: 't' })
  expect(read(init, helper, own, retry).slice(2)).toEqual([
    { kind: 'used', usage: used(1) },
    { kind: 'notice', message: 'Reconnecting... 1/4 (529 overloaded)' },
  ])
})

test('nonsense is nothing; a result too long to be read is an end', () => {
  expect(
    read('{', '[]', 'null', '{"type":7}', { type: 'assistant', message: 'x' }, { type: 'user' }),
  ).toEqual([])
  const long = JSON.stringify(ended('t9', 'x'.repeat(5 * 1024 * 1024)))
  expect(read(init, said('a', { type: 'tool_use', id: 't9', name: 'Read', input: {} }), long).at(-1)).toEqual(
    {
      kind: 'tool-ended',
      id: 't9',
      ok: true,
      exit: null,
    },
  )
})

// Seen to fail: without `success` in lib/tools/claude/events.ts.
test('a result whose words are too long to be read is the end of a turn', () => {
  const long = { ...result({}), result: 'x'.repeat(5 * 1024 * 1024) }
  const answer = said('a', { type: 'text', text: 'done' })
  expect(read(init, answer, long).at(-1)).toEqual({ kind: 'turn-completed', usage: used(1) })
  expect(read(init, answer, { ...long, is_error: true }).at(-1)).toEqual({ kind: 'used', usage: used(1) })
})

// Seen to fail: when an answer was taken for complete as soon as another began.
test('pieces of answers that come mixed, from helpers side by side, are counted once', () => {
  const piece = (id: string) => said(id, { type: 'text', text: 'x' }, { parent_tool_use_id: id })
  const mixed = ['a', 'b', 'a', 'c', 'b', 'a'].map(piece)
  expect(read(init, ...mixed).at(-1)).toEqual({ kind: 'used', usage: used(3) })
  const many = Array.from({ length: 250 }, (_, n) => piece(`many-${n}`))
  expect(read(init, ...many).at(-1)).toEqual({ kind: 'used', usage: used(250) })
})
