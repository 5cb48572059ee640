/**
 * The feed is shortened while others write and read it.
 *
 * Seen to fail: with 0 for what was dropped, "heard once"; without the look at `ino` in appendToFeed, or without what came
 * late in `shorten` (lib/state/feed-file.ts), or, in one of ten runs, with a mark of 128 bytes, "while others write".
 */
import { spawn } from 'node:child_process'
import { linkSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shortenLog } from '../../lib/kit/append.ts'
import { cursorText, readCursor } from '../../lib/state/cursor.ts'
import { Feed } from '../../lib/state/feed.ts'
import { appendToFeed } from '../../lib/state/feed-file.ts'

let directory: string
let feed: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-feed-'))
  feed = join(directory, 'events.jsonl')
})
afterEach(() => rmSync(directory, { recursive: true }))

const bounds = { most: 64 * 1024, kept: 16 * 1024 }
const event = (task: string) => ({
  at: new Date().toISOString(),
  task,
  type: 'note',
  attempt: 1,
  text: 'x'.repeat(300),
})
const write = (from: number, to: number) => {
  for (let n = from; n < to; n++) appendToFeed(feed, JSON.stringify(event(`task-${n}`)), bounds)
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `task-${from + n}`)
const cursorOf = ({ offset, mark }: Feed) => readCursor(cursorText({ offset, mark, ended: 0 }, []))

it('is as long as its bounds, and what comes is heard once, by those who listen and by those who come back', () => {
  write(0, 100)
  const early = cursorOf(new Feed(feed, null))
  const listener = new Feed(feed, null)
  let [heard, place] = [[] as string[], cursorOf(listener)]
  for (let n = 100; n < 1000; n += 10) {
    write(n, n + 10)
    const back = new Feed(feed, place)
    expect(back.whole).toBe(true)
    expect(back.read().map(({ task }) => task)).toEqual(numbers(n, n + 10))
    place = cursorOf(back)
    heard = [...heard, ...listener.read().map(({ task }) => task)]
    expect(statSync(feed).size).toBeLessThan(bounds.most + 1000)
  }
  expect(heard).toEqual(numbers(100, 1000))
  expect(readFileSync(feed, 'utf8')).toMatch(/^\{"dropped":\d+\}\n\{"at":/)
  // What was left out is not taken for what is there.
  const late = new Feed(feed, early)
  expect([late.whole, late.before.at(-1)?.task]).toEqual([false, 'task-999'])
})

it('loses no line while others write', async () => {
  const each = 300
  // Each line of one of them shortens it, and nothing has to be left out.
  const always = { most: 1000, kept: 1024 * 1024 }
  const never = { ...always, most: 1e9 }
  const program = `
    const { appendToFeed } = await import(${JSON.stringify(new URL('../../lib/state/feed-file.ts', import.meta.url).href)})
    const event = ${JSON.stringify(event('TASK'))}
    for (let n = 0; n < ${each}; n++)
      appendToFeed(process.argv[1], JSON.stringify({ ...event, task: process.argv[2] + '-' + n }), process.argv[2] === 'a' ? ${JSON.stringify(always)} : ${JSON.stringify(never)})`
  const reader = new Feed(feed, null)
  const seen = new Set<string>()
  let left = 3
  const writers = ['a', 'b', 'c'].map(
    (name) =>
      new Promise((resolve) =>
        spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, feed, name])
          .once('exit', resolve)
          .once('exit', () => left--),
      ),
  )
  while (left > 0) {
    for (const { task } of reader.read()) seen.add(task)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await Promise.all(writers)).toEqual([0, 0, 0])
  for (const { task } of reader.read()) seen.add(task)
  expect(seen.size).toBe(3 * each)
  expect(new Set(readFileSync(feed, 'utf8').match(/"task":"[abc]-\d+"/g)).size).toBe(3 * each)
})

it('has logs beside it that are emptied in their place, and leaves alone what is no log', () => {
  const [log, old] = [join(directory, 'a.log'), join(directory, 'a.log.old')]
  shortenLog(log, old, 1000)
  for (let n = 0; n < 1000; n++) {
    appendToFeed(log, `line ${n}`)
    shortenLog(log, old, 1000)
  }
  const text = readFileSync(old, 'utf8') + readFileSync(log, 'utf8')
  expect(text).toMatch(/line 998\nline 999\n$/)
  expect(text.length).toBeLessThan(2100)
  shortenLog(directory, old, 0)
  // Seen to fail: without `nlink`.
  const [theirs, planted] = [join(directory, 'theirs'), join(directory, 'b.log')]
  writeFileSync(theirs, 'precious\n')
  linkSync(theirs, planted)
  shortenLog(planted, old, 1)
  expect(readFileSync(theirs, 'utf8')).toBe('precious\n')
})
