/**
 * The inbox as a Maildir: accepted means on the disk, delivered at least once, told once.
 *
 * Seen to fail: without `markTold` in `deliverable` (lib/state/messages.ts), "a worker which started was told" and
 * "never told"; with the stream's existence instead of its size, "never told"; with a rename for the link in
 * createFileOnce (lib/kit/files.ts), "two senders", "again" and "another text"; with names alone compared, "uses a
 * name again" and "another text". The order of its system calls: test/kit/durable.test.ts. That the runner does
 * write down what a prompt has: test/flows/send.test.ts.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inboxOf, markSeen as markSeenIn, messagesIn, outboxOf, unreadIn } from '../../lib/state/mailbox.ts'
import { type Message, readMessage } from '../../lib/state/message-file.ts'
import { deliverable, post as postDraft, remember } from '../../lib/state/messages.ts'
import { taskPaths } from '../../lib/state/paths.ts'

let directory: string
let task: ReturnType<typeof taskPaths>
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-messages-'))
  task = taskPaths(join(directory, 'a'))
  mkdirSync(task.inboxSeen, { recursive: true })
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const draft = (name: string, text: string) =>
  ({ id: name.slice(0, -'.md'.length), from: 'person', kind: 'note', text }) as const
const post = (to: typeof task, name: string, text: string) => postDraft(to, draft(name, text))
const markSeen = (of: typeof task, messages: readonly Message[]) => markSeenIn(inboxOf(of), messages)
const textIn = (at: string, name: string) => readMessage(at, name, 'person')?.text
const names = (path: string) => readdirSync(path).filter((name) => name.endsWith('.md'))
const inbox = () => names(task.inbox).sort()
const seen = () => names(task.inboxSeen).sort()
const texts = (n: number) => deliverable(task, n).map(({ text }) => text)

/** What the runner does for attempt n, up to the start of its worker. */
function prompt(n: number): string[] {
  const mail = deliverable(task, n)
  mkdirSync(task.attempt(n).directory, { recursive: true })
  remember(task, n, mail)
  writeFileSync(task.attempt(n).stream, '')
  return mail.map(({ text }) => text)
}

describe('sending', () => {
  it('again, with the same name and text, changes nothing, also when it was delivered', () => {
    expect(post(task, 'm.md', 'Hello')).toBe('posted')
    expect(post(task, 'm.md', 'Hello')).toBe('known')
    markSeen(task, deliverable(task, 1))
    expect(post(task, 'm.md', 'Hello')).toBe('known')
    expect([inbox(), seen()]).toEqual([[], ['m.md']])
  })

  it('another text by the name of one that was sent is refused', () => {
    post(task, 'm.md', 'Hello')
    expect(post(task, 'm.md', 'Good-bye')).toBe('other')
    markSeen(task, deliverable(task, 1))
    expect(post(task, 'm.md', 'Good-bye')).toBe('other')
    expect(textIn(task.inboxSeen, 'm.md')).toBe('Hello')
  })

  it('to a task that is gone makes nothing', () => {
    rmSync(task.directory, { recursive: true })
    expect(post(task, 'm.md', 'Hello')).toBe('gone')
    expect(existsSync(task.directory)).toBe(false)
  })

  it('goes to the inbox itself, not where a worker has led it', () => {
    mkdirSync(join(directory, 'elsewhere'))
    renameSync(task.inbox, join(task.directory, 'old'))
    symlinkSync(join(directory, 'elsewhere'), task.inbox)
    expect(post(task, 'm.md', 'Hello')).toBe('posted')
    expect(readdirSync(join(directory, 'elsewhere'))).toEqual([])
    expect(texts(1)).toEqual(['Hello'])
  })

  // Seen to fail: without the look at the directory in `moveAway`.
  it('is moved to what was read, not where a worker has led that', () => {
    mkdirSync(join(directory, 'elsewhere'))
    mkdirSync(task.outbox, { recursive: true })
    writeFileSync(join(task.outbox, 'm.md'), 'Hello')
    rmSync(task.outboxSeen, { recursive: true, force: true })
    symlinkSync(join(directory, 'elsewhere'), task.outboxSeen)
    markSeenIn(outboxOf(task), unreadIn(outboxOf(task)))
    expect(readdirSync(join(directory, 'elsewhere'))).toEqual([])
    expect([names(task.outbox), names(task.outboxSeen)]).toEqual([[], ['m.md']])
  })

  it('by two senders at once with one name is one message, and each knows which', async () => {
    const script = `
const { post } = await import(${JSON.stringify(new URL('../../lib/state/messages.ts', import.meta.url).href)})
const { taskPaths } = await import(${JSON.stringify(new URL('../../lib/state/paths.ts', import.meta.url).href)})
const [directory, who] = process.argv.slice(1)
for (let n = 1; n <= 50; n++) console.log(post(taskPaths(directory), { id: String(n), from: 'person', kind: 'note', text: who }))`
    const said = await Promise.all(
      ['one', 'two'].map(async (who) => {
        const args = ['--import', 'tsx', '--input-type=module', '-e', script, task.directory, who]
        return { who, answers: (await execa(process.execPath, args)).stdout.split('\n') }
      }),
    )
    for (let n = 1; n <= 50; n++) {
      const text = textIn(task.inbox, `${n}.md`)
      const answers = said.map(({ who, answers }) => [who, answers[n - 1]])
      expect(answers.find(([who]) => who === text)?.[1]).toBe('posted')
      expect(answers.find(([who]) => who !== text)?.[1]).toBe('other')
    }
  })

  it('is never half done, wherever its sender is killed: acknowledged means there', async () => {
    const script = `
const { post } = await import(${JSON.stringify(new URL('../../lib/state/messages.ts', import.meta.url).href)})
const { taskPaths } = await import(${JSON.stringify(new URL('../../lib/state/paths.ts', import.meta.url).href)})
const { writeSync } = await import('node:fs')
const text = 'x'.repeat(20_000)
for (let n = 1; ; n++) {
  const id = process.pid + '-' + n
  post(taskPaths(process.argv[1]), { id, from: 'person', kind: 'note', text })
  writeSync(1, id + '.md\\n')
}`
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
    console.info(`killed senders: SEED=${seed}`)
    let acknowledged = 0
    for (let round = 0; round < 4; round++) {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', script, task.directory],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      let said = ''
      child.stdout.on('data', (chunk) => {
        said += chunk
        // At some moment of its work.
        if (said.split('\n').length > 3 + ((seed + round * 7) % 40)) child.kill('SIGKILL')
      })
      await once(child, 'close')
      const told = said.split('\n').slice(0, -1)
      for (const name of told) expect(textIn(task.inbox, name)).toHaveLength(20_000)
      acknowledged += told.length
    }
    for (const name of inbox()) expect(textIn(task.inbox, name)).toHaveLength(20_000)
    expect(acknowledged).toBeGreaterThan(12)
  })
})

describe('a message', () => {
  it('is told in the order in which it was written', () => {
    for (const [name, text, at] of [
      ['z', 'first', 1000],
      ['a', 'second', 2000],
      ['m', 'third', 2000],
    ] as const) {
      post(task, `${name}.md`, text)
      utimesSync(join(task.inbox, `${name}.md`), at, at)
    }
    expect(texts(1)).toEqual(['first', 'second', 'third'])
  })

  it('that a worker which started was told is not told again, although its runner died before the move', () => {
    post(task, 'm.md', 'Hello')
    expect(prompt(1)).toEqual(['Hello'])
    writeFileSync(task.attempt(1).stream, '{"type":"thread.started"}\n')
    // Another one, of the same text and sent meanwhile, is another one.
    post(task, 'n.md', 'Hello')
    expect(prompt(2)).toEqual(['Hello'])
    expect([inbox(), seen()]).toEqual([['n.md'], ['m.md']])
  })

  it('that was in the prompt of a worker that did nothing was never told, and is told then', () => {
    post(task, 'm.md', 'Hello')
    expect([prompt(1), prompt(2)]).toEqual([['Hello'], ['Hello']])
    writeFileSync(task.attempt(2).stream, '{"type":"thread.started"}\n')
    expect([prompt(3), seen(), messagesIn(task.inbox).length]).toEqual([[], ['m.md'], 0])
  })

  it('by hand that uses a name again for something else is told, and hides nothing', () => {
    const note = join(task.inbox, 'note.md')
    for (const text of ['one', 'two', 'three']) {
      writeFileSync(note, text)
      const mail = deliverable(task, 1)
      expect(mail.map((message) => message.text)).toEqual([text])
      markSeen(task, mail)
    }
    expect(seen()).toEqual(['note-2.md', 'note-3.md', 'note.md'])
    writeFileSync(note, 'one')
    expect([texts(1), inbox()]).toEqual([[], []])
  })

  it('that was changed after it was told is told again', () => {
    post(task, 'm.md', 'Hello')
    const mail = deliverable(task, 1)
    writeFileSync(join(task.inbox, 'm.md'), 'Hello, and one thing more')
    markSeen(task, mail)
    expect(texts(1)).toEqual(['Hello, and one thing more'])
  })

  it('that is too long, or no file, keeps nobody from the others', () => {
    writeFileSync(join(task.inbox, 'long.md'), 'x'.repeat(65 * 1024))
    mkdirSync(join(task.inbox, 'd.md'))
    symlinkSync('/etc/hostname', join(task.inbox, 'link.md'))
    writeFileSync(join(task.inbox, '.tmp-m.md-1'), 'half')
    post(task, 'm.md', 'Hello')
    expect(texts(1)).toEqual(['Hello'])
  })

  it('is not hidden by what a worker wrote about it', () => {
    post(task, 'm.md', 'Hello')
    prompt(1)
    writeFileSync(task.attempt(1).stream, 'x')
    for (const forged of ['nonsense', '{"version":1,"messages":[{"name":"../../x","sha256":""}]}']) {
      writeFileSync(task.attempt(1).messages, forged)
      expect(texts(2)).toEqual(['Hello'])
    }
  })
})
