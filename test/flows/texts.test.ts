/** Where the texts of workers come from: whatever stands in the place of a copy, something is told, and it is said what. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Context } from '../../lib/flows/context.ts'
import { strangersIn, textsAnyway, textsForHook, textsOf, troublesIn } from '../../lib/flows/texts.ts'
import { textOf } from '../rules/records.ts'
import { root } from '../support/sandbox.ts'

let main: string
let context: Context
const prompts = (...path: string[]) => join(main, '.claude', 'skills', 'dirigent', 'prompts', ...path)
const put = (name: string, text: string | Buffer) => {
  mkdirSync(dirname(prompts(name)), { recursive: true })
  writeFileSync(prompts(name), text)
  longAgo()
}
/** What is missing from a directory that was changed just now may be on its way. */
const longAgo = () => utimesSync(prompts(), 0, 0)
beforeEach(() => {
  main = mkdtempSync(join(tmpdir(), 'dirigent-texts-'))
  context = { repo: { main }, config: { prompt: { max_bytes: 16_384 } } } as Context
})
afterEach(() => rmSync(main, { recursive: true, force: true }))

const ours = textOf('mail').trim()
const told = () => textsAnyway(context)('mail')

it('are those of the repository where there are any, else ours; an edit counts at once', () => {
  expect([told(), textsOf(context)('mail'), troublesIn(context)]).toEqual([ours, ours, []])
  put('mail.md', 'A letter.\n')
  expect([told(), textsOf(context)('mail'), troublesIn(context)]).toEqual(['A letter.', 'A letter.', []])
  expect(textsForHook(join(main, '.orchestrator-state', 'tasks', 'a-task'))('mail')).toBe('A letter.')
  put('mail.md', 'Another.\n')
  expect([told(), textsOf(context)('commits')]).toEqual(['Another.', textOf('commits').trim()])
})

it('are ours where the skill is a link to ours, or something else stands in its place', () => {
  mkdirSync(join(main, '.claude', 'skills'), { recursive: true })
  const skill = join(main, '.claude', 'skills', 'dirigent')
  symlinkSync(join(root, 'skill'), skill)
  expect([told(), troublesIn(context), strangersIn(main)]).toEqual([ours, [], []])
  rmSync(skill)
  writeFileSync(skill, 'a file')
  expect([told(), troublesIn(context), strangersIn(main)]).toEqual([ours, [], []])
})

it.each<[string, () => void, RegExp]>([
  ['unknown', () => put('mail.md', 'Hi.\n{{title}}'), /mail\.md:2: nothing is filled in for \{\{title\}\}$/],
  ['empty', () => put('mail.md', '\n'), /mail\.md:1: there is no text$/],
  [
    'long',
    () => put('mail.md', 'x'.repeat(1025)),
    /mail\.md:1: it is 1025 bytes, and at most 1024 are told$/,
  ],
  ['huge', () => put('mail.md', Buffer.alloc(3_000_000, 'x')), /mail\.md is 3000000 bytes/],
  ['not UTF-8', () => put('mail.md', Buffer.from([72, 105, 0xff])), /mail\.md:1: it is not UTF-8$/],
  [
    'a directory',
    () => mkdirSync(prompts('mail.md'), { recursive: true }),
    /mail\.md is not a regular file$/,
  ],
  [
    'a FIFO',
    () => {
      mkdirSync(prompts(), { recursive: true })
      execFileSync('mkfifo', [prompts('mail.md')])
    },
    /mail\.md is not a regular file$/,
  ],
  [
    'a link to another file',
    () => {
      mkdirSync(prompts(), { recursive: true })
      symlinkSync('/etc/hostname', prompts('mail.md'))
    },
    /mail\.md is not a regular file$/,
  ],
])('%s: it is named, refused by hand, and ours is told where nobody is there', (_, spoil, message) => {
  spoil()
  longAgo()
  const [trouble, ...others] = troublesIn(context)
  expect(trouble).toMatchObject({ code: 'bad-prompt', message: expect.stringMatching(message) })
  expect(trouble?.hint).toMatch(/^It has no placeholders\. Mend it, or delete the file/)
  expect(others).toEqual([])
  expect(() => textsOf(context)('mail')).toThrow(message)
  expect(textsOf(context)('commits')).toBe(textOf('commits').trim())
  expect(told()).toBe(ours)
})

it('may be longer where prompts may', () => {
  put('worker.md', 'x'.repeat(3000))
  expect(troublesIn(context).map(({ message }) => message)).toEqual([
    expect.stringMatching(/worker\.md:1: it is 3000 bytes, and at most 2730 are told$/),
  ])
  const more = { ...context, config: { prompt: { max_bytes: 98_304 } } } as Context
  expect([troublesIn(more), textsAnyway(more)('worker')]).toEqual([[], 'x'.repeat(3000)])
})

// Seen to fail: without `again` in `believer` (lib/kit/patience.ts), the first; without `half`, the second.
it.each<[string, () => void]>([
  ['moved away for a moment', () => rmSync(prompts('mail.md'))],
  ['written by halves', () => writeFileSync(prompts('mail.md'), 'After')],
])('are waited for while an editor saves them: %s', (_, begin) => {
  put('mail.md', 'Before.')
  begin()
  const { wait } = Atomics
  const waiting = vi.spyOn(Atomics, 'wait').mockImplementation((...given: Parameters<typeof wait>) => {
    writeFileSync(prompts('mail.md'), 'After.')
    return wait(...given)
  })
  expect(told()).toBe('After.')
  waiting.mockRestore()
})

it('names files that nobody is told', () => {
  put('README.md', 'ours')
  put('mails.md', 'Hi.')
  put('mail.md', 'Hi.')
  expect(strangersIn(main)).toEqual([prompts('mails.md')])
})
