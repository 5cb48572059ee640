/** Specs with `## Task` sections, taken apart. */
import { describe, expect, it } from 'vitest'
import { bodyOfSection, composeSpec, mostSections, readSections, together } from '../../lib/state/sections.ts'

const read = (text: string) => readSections(Buffer.from(text), 'big.md')
const ids = async (text: string) => (await read(text)).sections.map(({ id }) => id)

const whole = `---
title: A calculator
verify: [npm test]
needs: [api]
tags: [maths]
---
Everything is in src/.

## Not a task

It is context too.

## Task add-parser: Add the parser

\`\`\`yaml
paths: ["src/parser/**"]
verify: []
\`\`\`
Numbers and brackets.

\`\`\`md
## Task: an example, and no task
\`\`\`

## Task: Print C#: the rest ##
\`\`\`yaml
needs: [add-parser]
tags: [maths, text]
budget: { minutes: 5 }
\`\`\`

## Details

Of the second.
`

it('takes a file apart into what is for all and one section for each task', async () => {
  const { front, context, sections } = await read(whole)
  expect(front).toEqual({ title: 'A calculator', verify: ['npm test'], needs: ['api'], tags: ['maths'] })
  expect(context).toBe('Everything is in src/.\n\n## Not a task\n\nIt is context too.')
  expect(sections).toEqual([
    {
      id: 'add-parser',
      title: 'Add the parser',
      front: { paths: ['src/parser/**'], verify: [] },
      body: 'Numbers and brackets.\n\n```md\n## Task: an example, and no task\n```',
    },
    {
      id: 'print-c-the-rest',
      title: 'Print C#: the rest',
      front: { needs: ['add-parser'], tags: ['maths', 'text'], budget: { minutes: 5 } },
      body: '## Details\n\nOf the second.',
    },
  ])
  const [parser, printer] = sections.map((section) => together(front, section))
  // What a section says replaces what the file says; needs and tags are added to.
  expect(parser).toEqual({
    title: 'Add the parser',
    verify: [],
    paths: ['src/parser/**'],
    needs: ['api'],
    tags: ['maths'],
  })
  expect(printer).toMatchObject({
    verify: ['npm test'],
    needs: ['api', 'add-parser'],
    tags: ['maths', 'text'],
  })
})

it('makes a spec of each that says the same when it is read again', async () => {
  const { front, context, sections } = await read(whole)
  for (const section of sections) {
    const made = async () =>
      await composeSpec(together(front, section), bodyOfSection(context, section), 'it')
    const spec = await made()
    expect(spec.sha256).toBe((await made()).sha256)
    expect(spec).toMatchObject({ title: section.title, body: expect.stringContaining(section.body) })
    // No checks (an empty list) is not the same as those of the settings (nothing).
    expect(spec.front).toEqual(together(front, section))
    expect(spec.body).toMatch(/^Everything is in src/)
  }
})

describe('what is a heading', () => {
  const one = '## Task: One\n\nDo it.\n'
  it.each([
    ['none', 'Do it.\n', []],
    ['in a fence of backticks', `\`\`\`\n${one}\`\`\`\n`, []],
    [
      'in a longer fence that holds a shorter one',
      `\`\`\`\`md\n\`\`\`\n${one}\`\`\`\n${one}\`\`\`\`\n${one}`,
      ['one'],
    ],
    ['in a fence of tildes that holds backticks', `~~~\n\`\`\`\n${one}~~~ ~~~\n~~~\n${one}`, ['one']],
    ['after code in a line, which is no fence', `\`\`\`a\`\`\`\n${one}`, ['one']],
    ['indented as code', `    ## Task: One\n`, []],
    ['in a comment', `<!--\n${one}-->\n## Task: Two\nx\n`, ['two']],
    ['after a comment in one line', `<!-- a -->\n${one}`, ['one']],
    ['of another level', '# Task: One\n### Task: Two\n', []],
    ['of another word', '## Tasks\n## Task-list: x\n## Tasking: x\n', []],
    ['with spaces, and in any case', '   ##  TASK  :  One  \nx', ['one']],
    ['numbered', '## Task 1: One\nx\n## Task 2: Two\nx', ['one', 'two']],
    ['with line ends of Windows', one.replaceAll('\n', '\r\n'), ['one']],
  ])('%s', async (_, text, expected) => {
    expect(await ids(text)).toEqual(expected)
  })

  it.each([
    ['## Task One\nx', /big\.md:1: "## Task One" has no title/],
    ['a\n\n## Task one:\nx', /big\.md:3: "## Task one:" has no title/],
    ['## Task: ##\nx', /has no title/],
    ['## Task One: x\nx', /"One" is not a task id/],
    ['## Task ../x: x\nx', /is not a task id/],
    ['## Task: ☃\nx', /no id can be made/],
    ['## Task: a\nx\n## Task a: b\nx', /big\.md:3: a is the id of section 1 already/],
    ['## Task: a\n```\nx\n## Task: b\n', /big\.md:2: a code fence is never closed/],
    ['## Task: a\n<!-- x\n## Task: b\n', /big\.md:2: a comment is never closed/],
    [
      '---\ntitle: x\n---\n\n## Task: a\n\n```yaml\nneeds: []\ncolour: red\n```\n',
      /big\.md:9: colour is not a field/,
    ],
    [`## Task: ${'x'.repeat(401)}\n`, /longer than 400/],
    [
      Array.from({ length: mostSections + 1 }, (_, n) => `## Task t${n}: x\nx\n`).join(''),
      /has 51 sections; at most 50/,
    ],
  ])('refuses %j', async (text, says) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'bad-spec', message: expect.stringMatching(says) })
  })
})

it('finds the same sections whatever quoted text stands between them', async () => {
  // A simple generator: the same documents each time.
  let seed = 4711
  const next = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * n)
  }
  const pieces = (n: number) => [
    'Plain text.',
    `\`\`\`\`\`\n## Task x${n}: quoted\n\`\`\`\n\`\`\`\`\``,
    `~~~~ md\n## Task: quoted\n\`\`\`\n~~~\n~~~~~`,
    `<!-- ## Task: hidden\n## Task: hidden\n-->`,
    `    ## Task: code`,
    '### Task: smaller',
    '- item\n\n    ```\n    ## Task: in a list\n    ```',
    '---',
    '\u00a0## Task: not quite',
    '> ## Task: said by others',
  ]
  for (let round = 0; round < 300; round++) {
    const wanted = Array.from({ length: next(6) }, (_, n) => ({
      id: `task-${n}`,
      body: Array.from({ length: next(4) }, () => pieces(n)[next(pieces(n).length)] ?? '').join('\n\n'),
    }))
    const context = Array.from({ length: next(3) }, () => pieces(9)[1 + next(6)] ?? '').join('\n\n')
    const text = [context, ...wanted.map(({ id, body }) => `## Task ${id}: The ${id}\n${body}`)].join('\n\n')
    const found = await read(text)
    expect(
      found.sections.map(({ id, body }) => ({ id, body })),
      text,
    ).toEqual(wanted.map(({ id, body }) => ({ id, body: body.trim() })))
    expect(found.context).toBe(context.trim())
  }
})

it('is not held up by what is long and means nothing', async () => {
  const began = Date.now()
  const long = 250 * 1024
  for (const text of [
    `## Task: a\n## Task ${' '.repeat(300)}x\n`,
    `${'`'.repeat(long)}\n`,
    `${'## Task:'.repeat(long / 8)}`,
    `${'<!--'.repeat(long / 4)}`,
    `${'```\n'.repeat(long / 4)}`,
    `${' '.repeat(long)}## Task`,
  ])
    await read(text).catch((error) => expect(error).toMatchObject({ code: 'bad-spec' }))
  expect(Date.now() - began).toBeLessThan(5000)
})
