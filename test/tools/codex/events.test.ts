import { expect, test } from 'vitest'
import { EventReader, type WorkerEvent } from '../../../lib/tools/codex/events.ts'

const command =
  '{"id":"item_1","type":"command_execution","command":"/bin/bash -lc \'echo out; echo err >&2\''
/** A real run, as it was printed. */
const stream = [
  '{"type":"thread.started","thread_id":"01a1f72c-1a8b-7fd0-b04b-f7d2da7bd86c"}',
  '{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `no-such-model` not found. …"}}',
  '{"type":"turn.started"}',
  '{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"Running it. Größe: 3 €, 🙂"}}',
  `{"type":"item.started","item":${command}","aggregated_output":"","exit_code":null,"status":"in_progress"}}`,
  `{"type":"item.completed","item":${command}","aggregated_output":"out\\nerr\\n","exit_code":0,"status":"completed"}}`,
  '{"type":"item.started","item":{"id":"item_2","type":"command_execution","command":"/bin/bash -c false","aggregated_output":"","exit_code":null,"status":"in_progress"}}',
  '{"type":"item.completed","item":{"id":"item_2","type":"command_execution","command":"/bin/bash -c false","aggregated_output":"broken\\n","exit_code":3,"status":"failed"}}',
  '{"type":"item.started","item":{"id":"item_3","type":"file_change","changes":[{"path":"/repo/added.txt","kind":"add"}],"status":"in_progress"}}',
  '{"type":"item.completed","item":{"id":"item_3","type":"file_change","changes":[{"path":"/repo/added.txt","kind":"add"}],"status":"completed"}}',
  '{"type":"item.completed","item":{"id":"item_4","type":"reasoning","text":"**Thinking** about it"}}',
  '{"type":"error","message":"Reconnecting... 1/2 (stream disconnected before completion: stream closed before response.completed)"}',
  '{"type":"turn.completed","usage":{"input_tokens":2000,"cached_input_tokens":100,"cache_write_input_tokens":0,"output_tokens":200,"reasoning_output_tokens":20}}',
  '{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}',
]

const events: WorkerEvent[] = [
  { kind: 'thread-started', thread: '01a1f72c-1a8b-7fd0-b04b-f7d2da7bd86c' },
  { kind: 'notice', message: 'Model metadata for `no-such-model` not found. …' },
  { kind: 'turn-started' },
  { kind: 'message', text: 'Running it. Größe: 3 €, 🙂' },
  { kind: 'tool-started', id: 'item_1', tool: 'command', what: 'echo out; echo err >&2' },
  { kind: 'tool-ended', id: 'item_1', ok: true, exit: 0 },
  { kind: 'tool-started', id: 'item_2', tool: 'command', what: 'false' },
  { kind: 'tool-ended', id: 'item_2', ok: false, exit: 3 },
  { kind: 'tool-started', id: 'item_3', tool: 'patch', what: 'add /repo/added.txt' },
  { kind: 'tool-ended', id: 'item_3', ok: true, exit: null },
  { kind: 'reasoning', text: '**Thinking** about it' },
  {
    kind: 'notice',
    message:
      'Reconnecting... 1/2 (stream disconnected before completion: stream closed before response.completed)',
  },
  {
    kind: 'turn-completed',
    usage: { input: 2000, cached_input: 100, output: 200, reasoning: 20, total: 2200 },
  },
  { kind: 'turn-failed', message: 'exceeded retry limit, last status: 429 Too Many Requests' },
]

const bytes = Buffer.from(`${stream.join('\n')}\n`)
const read = (...chunks: (Buffer | string)[]) => {
  const reader = new EventReader()
  return chunks.flatMap((chunk) => reader.feed(Buffer.from(chunk)))
}

test('a real stream becomes our events', () => {
  expect(read(bytes)).toEqual(events)
})

test('a stream cut at any byte gives the same events', () => {
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(read(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}`).toEqual(events)
  }
})

test('a stream that comes byte by byte, always in the same buffer, gives the same events', () => {
  const reader = new EventReader()
  const one = Buffer.alloc(1)
  const seen = [...bytes].flatMap((byte) => {
    one[0] = byte
    return reader.feed(one)
  })
  expect(seen).toEqual(events)
})

test('a line that is not finished is no event yet', () => {
  expect(read('{"type":"turn.started"}')).toEqual([])
})

test.each([
  ['no JSON', 'thread panicked at'],
  ['half a line', '{"type":"turn.sta'],
  ['a list', '[1]'],
  ['null', 'null'],
  ['an unknown type', '{"type":"turn.paused"}'],
  ['an unknown item', '{"type":"item.completed","item":{"id":"x","type":"hologram"}}'],
  ['an item that is a word', '{"type":"item.completed","item":"x"}'],
  ['an updated item', '{"type":"item.updated","item":{"id":"x","type":"command_execution"}}'],
  ['a to-do list', '{"type":"item.started","item":{"id":"x","type":"todo_list","items":[]}}'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
])('a line that is %s is unknown', (_, line) => {
  expect(read(line, '\n', '{"type":"turn.started"}\n')).toEqual([
    { kind: 'unknown' },
    { kind: 'turn-started' },
  ])
})

test('fields of the wrong kind become empty and never an exception', () => {
  const lines = [
    '{"type":"thread.started","thread_id":7}',
    '{"type":"error","message":{}}',
    '{"type":"turn.failed","error":"x"}',
    '{"type":"turn.completed"}',
    '{"type":"item.started","item":{"id":null,"type":"command_execution","command":[]}}',
    '{"type":"item.started","item":{"id":"p","type":"file_change","changes":[null,{"path":3}]}}',
  ]
  expect(read(`${lines.join('\n')}\n`)).toEqual([
    { kind: 'thread-started', thread: '' },
    { kind: 'notice', message: '' },
    { kind: 'turn-failed', message: '' },
    { kind: 'turn-completed', usage: { input: 0, cached_input: 0, output: 0, reasoning: 0, total: 0 } },
    { kind: 'tool-started', id: '', tool: 'command', what: '' },
    { kind: 'tool-started', id: 'p', tool: 'patch', what: '' },
  ])
})

test('a tool that is only announced when it has ended gets a beginning', () => {
  const search =
    '{"type":"item.completed","item":{"id":"item_5","type":"web_search","query":"node streams"}}\n'
  const mcp =
    '{"type":"item.completed","item":{"id":"item_6","type":"mcp_tool_call","server":"docs","tool":"find","status":"failed"}}\n'
  expect(read(search, mcp)).toEqual([
    { kind: 'tool-started', id: 'item_5', tool: 'search', what: 'node streams' },
    { kind: 'tool-ended', id: 'item_5', ok: true, exit: null },
    { kind: 'tool-started', id: 'item_6', tool: 'mcp', what: 'docs.find' },
    { kind: 'tool-ended', id: 'item_6', ok: false, exit: null },
  ])
})

test('a message is cut at 64 kB, between characters', () => {
  const [event] = read(
    `${JSON.stringify({ type: 'item.completed', item: { id: 'm', type: 'agent_message', text: '€'.repeat(50_000) } })}\n`,
  )
  const text = event?.kind === 'message' ? event.text : ''
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024)
  expect(Buffer.byteLength(text)).toBeGreaterThan(64 * 1024 - 4)
  expect(text).toMatch(/^€+…$/)
})

test('what a tool does is one clean line of 200 characters', () => {
  const command = `/bin/bash -lc 'printf "\u001b[31m"\nmake\t${'x'.repeat(100_000)}'`
  const [event] = read(
    `${JSON.stringify({ type: 'item.started', item: { id: 'c', type: 'command_execution', command } })}\n`,
  )
  const what = event?.kind === 'tool-started' ? event.what : ''
  expect(what).toMatch(/^printf "" make x+…$/)
  expect(what).toHaveLength(200)
})

test('a line beyond 4 MiB is dropped and counted, and the next one is read', () => {
  const reader = new EventReader()
  const piece = Buffer.alloc(1024 * 1024, 'x')
  for (let count = 0; count < 5; count += 1) expect(reader.feed(piece)).toEqual([])
  expect(reader.feed(Buffer.from('\n{"type":"turn.started"}\n'))).toEqual([{ kind: 'turn-started' }])
  expect(reader.dropped).toBe(1)
})

test.each([1, 4096, 8_000_000])(
  'a command whose end is too long to read has still ended (pieces of %d)',
  (size) => {
    const reader = new EventReader()
    const start = {
      type: 'item.started',
      item: { id: 'item_9', type: 'command_execution', command: 'cat x' },
    }
    reader.feed(Buffer.from(`${JSON.stringify(start)}\n`))
    const end = `{"type":"item.completed","item":{"id":"item_9","type":"command_execution","command":"cat x","aggregated_output":"${'\\u0000'.repeat(720_000)}","exit_code":1,"status":"failed"}}\n`
    const line = Buffer.from(end)
    const seen: WorkerEvent[] = []
    // The first bytes in one piece: a test with four million pieces would only show patience.
    const first = size === 1 ? line.length - 300 : 0
    seen.push(...reader.feed(line.subarray(0, first)))
    for (let at = first; at < line.length; at += size) seen.push(...reader.feed(line.subarray(at, at + size)))
    expect(seen).toEqual([{ kind: 'tool-ended', id: 'item_9', ok: false, exit: 1 }])
    expect(reader.dropped).toBe(1)
  },
)

test('a resumed worker counts its items anew, and none of them is taken for an old one', () => {
  const start = '{"type":"item.started","item":{"id":"item_0","type":"command_execution","command":"ls"}}\n'
  const end = '{"type":"item.completed","item":{"id":"item_0","type":"command_execution","command":"ls"}}\n'
  const kinds = (...lines: string[]) => read(...lines).map(({ kind }) => kind)
  expect(kinds(start, end, start)).toEqual(['tool-started', 'tool-ended', 'tool-started'])
  expect(kinds(start, '{"type":"turn.started"}\n', start)).toEqual([
    'tool-started',
    'turn-started',
    'tool-started',
  ])
})
