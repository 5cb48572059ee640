import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findRollout, RolloutReader } from '../../../lib/tools/codex/rollout.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'codex-rollout-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const two = (value: number) => String(value).padStart(2, '0')
const sessionsOf = (date: Date) =>
  join(home, 'sessions', String(date.getFullYear()), two(date.getMonth() + 1), two(date.getDate()))
/** A thread id as the program makes it: it begins with its time. */
const idOf = (date: Date) => {
  const hex = date.getTime().toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7fd0-b04b-f7d2da7bd86c`
}
const put = (folder: string, id: string) => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `rollout-2026-11-20T05-49-21-${id}.jsonl`)
  writeFileSync(path, '')
  return path
}

const now = new Date(2026, 10, 20, 0, 5)
const daysAgo = (days: number) => new Date(2026, 10, 20 - days, 23, 59)

test('the session file of today, of yesterday and of weeks ago is found by the thread alone', () => {
  for (const date of [now, daysAgo(1), daysAgo(30)]) {
    const path = put(sessionsOf(date), idOf(date))
    put(sessionsOf(date), idOf(new Date(0)))
    expect(findRollout(home, idOf(date), now)).toBe(path)
  }
})

// Seen to fail: with `openSync` in its place, by never ending.
test('what is no file in its place says nothing, and nobody waits for it', () => {
  const path = join(home, 'fifo')
  execFileSync('mkfifo', [path])
  expect(new RolloutReader(path).read()).toBe(null)
})

test('an id that tells no time is looked for today and yesterday', () => {
  const path = put(sessionsOf(daysAgo(1)), 'thread')
  expect(findRollout(home, 'thread', now)).toBe(path)
  put(sessionsOf(daysAgo(2)), 'older')
  expect(findRollout(home, 'older', now)).toBeNull()
})

test('without a session folder there is no session file', () => {
  expect(findRollout(join(home, 'nowhere'), idOf(now), now)).toBeNull()
})

const figures = (total: number) =>
  `{"input_tokens":${total - 100},"cached_input_tokens":100,"cache_write_input_tokens":0,"output_tokens":100,"reasoning_output_tokens":10,"total_tokens":${total}}`
const head = '{"timestamp":"2026-11-20T05:49:21.236Z","ordinal":13,'
const tokenCount = (total: number) =>
  `${head}"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":${figures(total)},"last_token_usage":${figures(200)},"model_context_window":258400},"rate_limits":null}}\n`
const usageRecord = (total: number) =>
  `${head}"type":"token_usage_record","payload":{"thread_id":"T","usage":${figures(200)},"turn_token_usage":${figures(300)},"thread_token_usage":${figures(total)}}}\n`
const usage = (total: number) => ({
  input: total - 100,
  cached_input: 100,
  output: 100,
  reasoning: 10,
  total,
})

test('both kinds of records tell the total of the thread, and the newest counts', () => {
  const path = join(home, 'r.jsonl')
  const reader = new RolloutReader(path)
  expect(reader.read()).toBeNull()
  writeFileSync(path, `${head}"type":"session_meta","payload":{}}\n`)
  expect(reader.read()).toBeNull()
  appendFileSync(path, usageRecord(1100))
  expect(reader.read()).toEqual(usage(1100))
  appendFileSync(path, tokenCount(2200))
  expect(reader.read()).toEqual(usage(2200))
  expect(reader.read()).toEqual(usage(2200))
})

test('a record that is written in two goes counts when it is whole', () => {
  const path = join(home, 'r.jsonl')
  const record = usageRecord(1100)
  for (let at = 1; at < record.length; at += 7) {
    writeFileSync(path, record.slice(0, at))
    const reader = new RolloutReader(path)
    expect(reader.read()).toBeNull()
    appendFileSync(path, record.slice(at))
    expect(reader.read()).toEqual(usage(1100))
  }
})

test('large lines, lines of others and broken lines are passed over', () => {
  const path = join(home, 'r.jsonl')
  const flood = `${head}"type":"response_item","payload":{"text":"${'x'.repeat(3_000_000)}"}}\n`
  const quoted = `${head}"type":"response_item","payload":${JSON.stringify(usageRecord(9900))}}\n`
  const noInfo = `${head}"type":"event_msg","payload":{"type":"token_count","info":null}}\n`
  const broken = `${usageRecord(9900).slice(0, 200)}\n`
  writeFileSync(path, usageRecord(1100) + flood + quoted + noInfo + broken)
  expect(new RolloutReader(path).read()).toEqual(usage(1100))
})

test('one call reads 16 MiB at most and the next one goes on', () => {
  const path = join(home, 'r.jsonl')
  writeFileSync(path, `${'x'.repeat(17 * 1024 * 1024)}\n${usageRecord(1100)}`)
  const reader = new RolloutReader(path)
  expect(reader.read()).toBeNull()
  expect(reader.read()).toEqual(usage(1100))
})

test('a file that shrank is read from its beginning', () => {
  const path = join(home, 'r.jsonl')
  const reader = new RolloutReader(path)
  writeFileSync(path, tokenCount(5500) + tokenCount(6600))
  expect(reader.read()).toEqual(usage(6600))
  writeFileSync(path, tokenCount(1100))
  expect(reader.read()).toEqual(usage(1100))
})
