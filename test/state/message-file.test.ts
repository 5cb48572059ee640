/**
 * One message as a file: what is written is what is read, and what makes no sense is text.
 *
 * Seen to fail, in lib/state/message-file.ts: without `hasTimes` "is part of the text"; with the id that the file gives
 * itself "by another name"; with `at` in `identity` "is the same".
 */
import { expect, it } from 'vitest'
import { composeMessage, type Draft, parseMessage } from '../../lib/state/message-file.ts'

const modified = Date.parse('2026-02-03T04:05:06.789Z')
const parse = (file: string, name = 'm.md') => parseMessage(name, file, 'person', modified)
const plain: Draft = { id: 'm', from: 'orchestrator', kind: 'note', text: 'Hello' }

it('comes back as it was composed, whatever is in it', () => {
  const drafts: Draft[] = [
    plain,
    { ...plain, kind: 'answer', re: 'q-1', text: '---\nid: other\n---\n\nNot front matter, but text.' },
    {
      id: 'm',
      from: 'worker',
      kind: 'question',
      text: '  indented\n\nWhich: "a", \'b\' or # c?',
      options: ['a, b', 'yes', '[c]', 'x: "y"\nz', ''],
      default: 'true',
      by: '2026-02-03T05:05:06.789Z',
    },
    { ...plain, default: '"quoted"', options: [] },
    { ...plain, default: ' spaces ', text: 'é 😀\r\nsecond\tline' },
  ]
  for (const draft of drafts) {
    const { name, sha256, written, at, ...message } = parse(composeMessage(draft, '2026-01-01T00:00:00.000Z'))
    expect(message).toEqual(draft)
    expect([name, written, at]).toEqual(['m.md', modified, '2026-01-01T00:00:00.000Z'])
  }
})

it('without front matter is a note, from whom the box is for, of the time of its file', () => {
  expect(parse('\n\nUse port 5433.\n')).toMatchObject({
    id: 'm',
    from: 'person',
    kind: 'note',
    at: '2026-02-03T04:05:06.789Z',
    text: 'Use port 5433.',
  })
  expect(parseMessage('m.md', 'Half way.', 'worker', modified).from).toBe('worker')
})

it('by hand says only what it wants to, in YAML as people write it', () => {
  expect(parse('---\nkind: urgent\n\nfrom:   orchestrator\n---\nHurry.')).toMatchObject({
    kind: 'urgent',
    from: 'orchestrator',
    at: '2026-02-03T04:05:06.789Z',
    text: 'Hurry.',
  })
  expect(parse('---\r\noptions: [red, "dark blue"]\r\n---\r\nWhich?').text).toBe('Which?')
  expect(parse('---\noptions: [red, dark blue]\n---\nWhich?').options).toEqual(['red', 'dark blue'])
})

it('by another name has that name, whatever it says of itself', () => {
  expect(parse(composeMessage(plain), 'other.md')).toMatchObject({ id: 'other', name: 'other.md' })
})

const senseless = {
  'an unknown field': '---\nkind: note\npriority: 1\n---\nHello',
  'an unknown kind': '---\nkind: order\n---\nHello',
  'a list for a word': '---\nkind: ["note"]\n---\nHello',
  'a field twice': '---\nkind: note\nkind: urgent\n---\nHello',
  'no field': '---\nDear worker,\n---\nHello',
  'no end': '---\nkind: urgent\nHello',
  'a time that is none': '---\nat: 2026-02-31T99:00:00.000Z\n---\nHello',
  'a deadline that is none': '---\nby: 9999-99-99T99:99:99.999Z\n---\nHello',
  'what objects have': '---\nconstructor: x\n---\nHello',
  'far too much': `---\n${Array.from({ length: 50 }, (_, n) => `${'abcdefghij'[n % 10]}${'k'.repeat(n)}: x\n`).join('')}---\nHello`,
}
for (const [what, file] of Object.entries(senseless))
  it(`with ${what} in its front matter: all of it is part of the text`, () => {
    expect(parse(file)).toMatchObject({ kind: 'note', from: 'person', text: file })
  })

it('is the same when kind and text are, whoever sends it when', () => {
  const at = (text: string, different: Partial<Draft> = {}, when = '2026-01-01T00:00:00.000Z') =>
    parse(composeMessage({ ...plain, text, ...different }, when)).sha256
  const one = at('Hello')
  expect(at('Hello\n', { from: 'person' }, '2026-02-01T00:00:00.000Z')).toBe(one)
  expect(at('Hello', { kind: 'urgent' })).not.toBe(one)
  expect(at('Hello!')).not.toBe(one)
  expect(parse('Hello').sha256).toBe(one)
})
