/**
 * Receipts from where the files are and what attempts wrote down, and mailboxes with whatever a worker put there.
 *
 * Seen to fail: with `readRecord` bare in `readTold` (lib/state/receipts.ts), "ruined"; with `entry.isFile()` left out of
 * `messagesIn` (lib/state/mailbox.ts), "whatever a worker put there".
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inboxOf, markSeen, outboxOf, postTo, seenIn, unreadIn } from '../../lib/state/mailbox.ts'
import type { Draft } from '../../lib/state/message-file.ts'
import { expire, post, withQuestions } from '../../lib/state/messages.ts'
import { taskPaths } from '../../lib/state/paths.ts'
import { receiptOf, track, writeTold } from '../../lib/state/receipts.ts'

let directory: string
let task: ReturnType<typeof taskPaths>
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-receipts-'))
  task = taskPaths(join(directory, 'a'))
  mkdirSync(task.inboxSeen, { recursive: true })
  mkdirSync(task.outboxSeen, { recursive: true })
  mkdirSync(task.attempt(1).directory, { recursive: true })
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const note = (id: string): Draft => ({ id, from: 'orchestrator', kind: 'note', text: `This is ${id}.` })
const time = '2026-02-03T04:05:06.789Z'
const ids = (messages: readonly { readonly id: string }[]) => messages.map(({ id }) => id)

function four(): void {
  for (const id of ['expired', 'delivered', 'acknowledged', 'queued']) post(task, note(id))
  const [expired, ...others] = unreadIn(inboxOf(task))
  markSeen(inboxOf(task), others)
  expect([expired?.id, expire(task)]).toEqual(['expired', ['expired.md']])
  for (const name of ['queued.md']) {
    rmSync(join(task.inboxSeen, name))
    post(task, note('queued'))
  }
  const told = (id: string, acknowledged: string | null) => {
    const { name, sha256 } = seenIn(inboxOf(task)).find((message) => message.id === id) ?? {}
    return { name: name ?? '', sha256: sha256 ?? '', how: 'hook' as const, delivered: time, acknowledged }
  }
  const messages = [told('delivered', null), told('acknowledged', time)]
  writeTold(task, 1, { version: 1, messages, heard: [] })
}

it('are four, and each message has one', () => {
  four()
  const { counts, newest } = track(task, 1, 20)
  expect(counts).toEqual({ queued: 1, delivered: 1, acknowledged: 1, expired: 1 })
  for (const { id, name, receipt } of newest) {
    expect(receipt).toBe(id)
    expect(receiptOf(task, 1, name).receipt).toBe(id)
  }
  expect(newest.find(({ id }) => id === 'acknowledged')).toMatchObject({ how: 'hook', acknowledged: time })
  expect(newest.find(({ id }) => id === 'queued')).toMatchObject({ how: null, delivered: null })
  expect(ids(track(task, 1, 2).newest).length).toBe(2)
})

it('are what the places say where an attempt’s note is ruined', () => {
  four()
  for (const ruin of ['nonsense', '{"version":1,"messages":[{"name":1}]}', '{"version":2}']) {
    writeFileSync(task.attempt(1).messages, ruin)
    expect(track(task, 1, 20).counts).toEqual({ queued: 1, delivered: 2, acknowledged: 0, expired: 1 })
  }
})

it('of what expired twice under one name: both are kept', () => {
  for (const text of ['one', 'two']) {
    writeFileSync(join(task.inbox, 'note.md'), text)
    expire(task)
  }
  expect(readdirSync(task.inboxExpired).sort()).toEqual(['note-2.md', 'note.md'])
})

it('an answer brings its question along, read or not', () => {
  postTo(outboxOf(task), { id: 'q', from: 'worker', kind: 'question', text: 'Which?' })
  const answer = { ...note('a'), kind: 'answer', re: 'q' } as const
  post(task, answer)
  const asked = () => withQuestions(task, unreadIn(inboxOf(task))).map(({ question }) => question)
  expect(asked()).toEqual(['Which?'])
  markSeen(outboxOf(task), unreadIn(outboxOf(task)))
  expect(asked()).toEqual(['Which?'])
  rmSync(join(task.outboxSeen, 'q.md'))
  expect(asked()).toEqual([undefined])
})

it('whatever a worker put there hides nothing, blocks nobody and is not followed', () => {
  for (const box of [task.inbox, task.outbox]) {
    execFileSync('mkfifo', [join(box, 'fifo.md')])
    mkdirSync(join(box, 'directory.md'))
    symlinkSync('/etc/hostname', join(box, 'link.md'))
    symlinkSync(join(box, 'loop.md'), join(box, 'loop.md'))
    writeFileSync(join(box, 'long.md'), 'x'.repeat(200 * 1024))
    writeFileSync(join(box, 'bytes.md'), Buffer.from([0xff, 0x00, 0xfe, 0x2d]))
    writeFileSync(join(box, 'no-message.txt'), 'Hello')
    writeFileSync(join(box, 'real.md'), 'Hello')
  }
  expect(ids(unreadIn(inboxOf(task))).sort()).toEqual(['bytes', 'real'])
  expect(ids(unreadIn(outboxOf(task))).sort()).toEqual(['bytes', 'real'])
  expect(track(task, 1, 20).counts.queued).toBe(3)
  expect(expire(task).sort()).toEqual(['bytes.md', 'long.md', 'real.md'])
  rmSync(task.outbox, { recursive: true })
  symlinkSync('/etc', task.outbox)
  expect(unreadIn(outboxOf(task))).toEqual([])
  expect(postTo(outboxOf(task), note('m'))).toBe('posted')
  expect(ids(unreadIn(outboxOf(task)))).toEqual(['m'])
})

it('ten thousand messages are read some at a time', () => {
  for (let n = 0; n < 10_000; n++)
    writeFileSync(join(task.outbox, `${String(n).padStart(5, '0')}.md`), 'x'.repeat(1000))
  const began = performance.now()
  expect(unreadIn(outboxOf(task)).length).toBe(100)
  // A second where it takes a tenth of one; reading them all took several.
  expect(performance.now() - began).toBeLessThan(3000)
})
