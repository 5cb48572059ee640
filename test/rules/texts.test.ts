/** The closed list of texts, their files and the table that people read; what is filled in, and what an edit must not be. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flawOf, sayer, type TextName, texts } from '../../lib/rules/texts.ts'
import { root } from '../support/sandbox.ts'
import { textOf } from './records.ts'

const directory = join(root, 'skill', 'prompts')

// Seen to fail: a row taken out of the table; a file that is not listed; a placeholder renamed in lib/rules/texts.ts.
it('has each text as a file, and each in the table with its placeholders', () => {
  const rows = readFileSync(join(directory, 'README.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map(([file = '', when = '', filled = '']) => ({
      name: /`(.*)\.md`/.exec(file)?.[1],
      placeholders: [...filled.matchAll(/`\{\{(.*?)\}\}`/g)].map(([, name]) => name),
      when: when.trim(),
    }))
  expect(rows.map(({ name, placeholders }) => [name, placeholders])).toEqual(Object.entries(texts))
  expect(rows.filter(({ when }) => when.length < 10)).toEqual([])
  const files = readdirSync(directory).filter((name) => name !== 'README.md')
  expect(files.sort()).toEqual(
    Object.keys(texts)
      .map((name) => `${name}.md`)
      .sort(),
  )
})

it('uses each placeholder in the text that comes with us', () => {
  for (const [name, placeholders] of Object.entries(texts))
    expect(
      placeholders.filter((one) => !textOf(name as TextName).includes(`{{${one}}}`)),
      name,
    ).toEqual([])
})

describe('filling in', () => {
  const told = (text: string) => sayer(() => text)

  // Seen to fail: filled one placeholder after the other.
  it('is done once: what a value has in braces stays as it is', () => {
    const say = told('{{standstill}}, {{ grace }}')
    expect(say('stalled', { standstill: '{{grace}} $& {{x}}', grace: '5 min' })).toBe(
      '{{grace}} $& {{x}}, 5 min',
    )
  })

  it('may leave out what the text does not name, and leaves alone what is no placeholder', () => {
    expect(told('Now. {{ secrets.X }} {{toString}}')('task', { title: 'A' })).toBe(
      'Now. {{ secrets.X }} {{toString}}',
    )
  })

  it('closes a block of code that the text leaves open, and takes control characters out', () => {
    expect(told('\u001b[31mRun:\u202e\n```sh\nnpm test\n\n')('worker')).toBe('Run:\n```sh\nnpm test\n```')
  })

  it('asks for a text when it is needed, and once', () => {
    const asked: string[] = []
    const say = sayer((name) => `${asked.push(name)}`)
    expect([asked.length, say('mail'), say('mail'), say('commits')]).toEqual([0, '1', '1', '2'])
    expect(asked).toEqual(['mail', 'commits'])
  })
})

it.each([
  ['task', '# {{title}}', null],
  ['task', '# A task\n\n{{ secrets.X }} {{a.b}} { minutes }', null],
  ['task', '# A task\n\n{{titel}}', { line: 3, what: 'nothing is filled in for {{titel}}' }],
  ['worker', 'a\n{{ title }}', { line: 2, what: 'nothing is filled in for {{ title }}' }],
  // As it would be told, and in one line.
  ['worker', '{{\u001b[31m\n\ntitle}}', { line: 1, what: 'nothing is filled in for {{ title}}' }],
  ['task', '{{title}}\n{{title}}', { line: 2, what: '{{title}} is there twice' }],
  ['mail', ' \n\u200b\n', { line: 1, what: 'there is no text' }],
  ['mail', 'é'.repeat(51), { line: 1, what: 'it is 102 bytes, and at most 100 are told' }],
  ['mail', 'é'.repeat(50), null],
] as const)('of an edit it is said what is wrong with it, and where: %s %j', (name, text, flaw) => {
  expect(flawOf(name, text, 100)).toEqual(flaw)
})
