/**
 * Lessons: written by the verb or by hand, told to the workers whose tasks they fit, and to nobody once retired.
 *
 * Seen to fail: `lessons: []` in prompting.ts; `sameRule` always true; without `refuseWorkers`; without `checkRule` in
 * `readOnce`; without `checkTriggers`; with the rule's carriage returns; without `half` or `again` in `readLesson`;
 * `writeRetired` with `compose` alone, and without it.
 */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'
import { attemptFile, settled, spawnTask } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox()
})
afterAll(async () => {
  await box.close()
})

const file = (name: string) => join(box.state, 'lessons', `${name}.md`)
const add = (...words: string[]) => box.json('lesson', 'add', ...words)

it('reaches the worker of every task that it fits, and of no other', async () => {
  expect((await add('Tests stand beside the code.', '--from', 'person')).json.data).toMatchObject({
    created: true,
    lesson: { name: 'tests-stand-beside-the-code', from: 'person', rule: 'Tests stand beside the code.' },
  })
  expect((await add('No new colours.', '--id', 'colours', '--tag', 'web')).exitCode).toBe(0)
  expect((await add('No new tables.', '--id', 'tables', '--path', 'db/**')).exitCode).toBe(0)
  writeFileSync(file('by-hand'), 'Written by a person.\n')
  writeFileSync(file('broken'), '---\npath: [src]\n---\nNobody is told this.\n')
  writeFileSync(file('empty'), '---\ntags: [web]\n---\n')
  symlinkSync('/etc/hostname', file('a-link'))

  await spawnTask(box, 'fits', { change: 'none', tags: ['web'], paths: ['src/**'] }, [{ say: 'Done.' }])
  await settled(box, 'fits')
  const prompt = attemptFile(box, 'fits', 1, 'prompt.md')
  const section = prompt.slice(prompt.indexOf('# Lessons'), prompt.indexOf('# The task'))
  expect(section.split('\n').filter((line) => line.startsWith('- '))).toEqual([
    '- Written by a person.',
    '- No new colours.',
    '- Tests stand beside the code.',
  ])

  const listed = (await box.json('lesson', 'list')).json.data
  expect(listed.broken.map(({ name }: { name: string }) => name)).toEqual(['a-link', 'broken', 'empty'])
  expect(listed.lessons).toHaveLength(4)
  expect((await box.verb('lesson', 'list')).stdout).toMatch(
    /^! broken is told to nobody: .*broken\.md:2: path is not a field$/m,
  )
})

it('is no other one when it is added again, and its name is taken for another rule', async () => {
  const before = readFileSync(file('colours'), 'utf8')
  expect((await add('No new colours.', '--id', 'colours', '--tag', 'web')).json.data.created).toBe(false)
  expect((await add('No new colours.', '--id', 'colours')).json.error.code).toBe('id-taken')
  expect((await add('New colours.', '--id', 'colours', '--tag', 'web')).json.error.code).toBe('id-taken')
  expect(readFileSync(file('colours'), 'utf8')).toBe(before)
  for (const created of [true, false])
    expect((await add('One line,\r\nand another.', '--id', 'lines')).json.data.created).toBe(created)
})

it('is told to nobody once it is retired, and stays with the reason', async () => {
  await add('Say please.', '--id', 'please')
  expect((await box.json('lesson', 'retire', 'please', 'A linter does it.')).exitCode).toBe(0)
  expect((await box.json('lesson', 'show', 'please')).json.data.lesson).toMatchObject({
    rule: 'Say please.',
    retired: 'A linter does it.',
  })
  expect((await add('Say please.', '--id', 'please')).json.error.message).toMatch(
    /a lesson that was retired$/,
  )
  const tries = [
    { run: 'dirigent lesson add "Do as I say."; dirigent lesson retire colours no' },
    { say: 'Done.' },
  ]
  await spawnTask(box, 'later', { change: 'none' }, tries)
  await settled(box, 'later')
  expect(attemptFile(box, 'later', 1, 'prompt.md')).toContain('- Tests stand beside the code.')
  expect(attemptFile(box, 'later', 1, 'prompt.md')).not.toContain('Say please.')
  expect((await box.verb('lesson', 'list')).stdout).toContain('1 retired one: dirigent lesson list --all')
  // Its worker had a try.
  expect([
    existsSync(file('do-as-i-say')),
    readFileSync(file('colours'), 'utf8').includes('retired'),
  ]).toEqual([false, false])
})

it.each([
  ['comments', '---\n# for the web team\ntags: [web] # only\n---\n\nNo tabs.\n', 'tags: [web] # only\n'],
  ['a file from Windows', '---\r\ntags:\r\n  - web\r\n---\r\nNo tabs.\r\n', '  - web\r\n'],
  ['empty front matter', '---\n---\nNo tabs.', '---\n'],
  ['no front matter', 'No tabs.\n---\nNone.\n', undefined],
])('keeps what a person wrote when it is retired: %s', async (_, text, before) => {
  writeFileSync(file('kept'), text)
  expect((await box.json('lesson', 'retire', 'kept', 'The "linter" does: it.')).exitCode).toBe(0)
  const end = text.includes('\r') ? '\r\n' : '\n'
  const line = `retired: "The \\"linter\\" does: it."${end}`
  expect(readFileSync(file('kept'), 'utf8')).toBe(
    before === undefined ? `---\n${line}---\n\n${text}` : text.replace(before, () => before + line),
  )
  const { rule, retired } = (await box.json('lesson', 'show', 'kept')).json.data.lesson
  expect([rule.slice(0, 8), retired]).toEqual(['No tabs.', 'The "linter" does: it.'])
})

it('is written anew when its front matter takes no further line', async () => {
  writeFileSync(file('flow'), '---\n{ tags: [web] }\n---\nNo tabs.\n')
  expect((await box.json('lesson', 'retire', 'flow', 'No.')).exitCode).toBe(0)
  expect(readFileSync(file('flow'), 'utf8')).toBe('---\ntags: ["web"]\nretired: "No."\n---\n\nNo tabs.\n')
})

it.each([
  ['usage', ['teach']],
  ['usage', ['add', 'a', 'b']],
  ['usage', ['list', '--tag', 'web']],
  ['usage', ['add', 'A rule.', '--all']],
  ['bad-id', ['add', '漢字']],
  ['bad-message', ['add', 'x'.repeat(2049)]],
  ['bad-message', ['retire', 'colours', ' ']],
  // Its file could not be read again.
  ['usage', ['add', 'A rule.', '--path', '']],
  ['usage', ['add', 'A rule.', '--tag', 'x'.repeat(201)]],
  ['usage', ['add', 'A rule.', ...Array(21).fill(['--tag', 'x']).flat()]],
  ['task-not-found', ['add', 'A rule.', '--task', 'nobody']],
  ['lesson-not-found', ['show', 'nobody']],
  ['lesson-not-found', ['retire', '../../config', 'why']],
  ['bad-lesson', ['show', 'broken']],
  ['corrupt-file', ['show', 'a-link']],
])('refuses with %s, and changes nothing: %j', async (code, words) => {
  const ran = await box.json('lesson', ...words)
  expect(ran.json.error.code).toBe(code)
  expect(existsSync(file('a-rule'))).toBe(false)
})
