/** Files that people and machines write: the configuration, specs, records, the trail. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/state/config.ts'
import { readTrail, record } from '../../lib/state/journal.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { readRecord, writeRecord } from '../../lib/state/record.ts'
import { stop } from '../../lib/state/schema/attempt.ts'
import type { Event } from '../../lib/state/schema/event.ts'
import { idFrom, parseSpec } from '../../lib/state/spec.ts'
import { configTemplate } from '../../lib/state/templates.ts'

let repo: string
let paths: ReturnType<typeof statePaths>
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'dirigent-state-'))
  paths = statePaths(repo)
  mkdirSync(paths.locks, { recursive: true })
  mkdirSync(paths.task('a').log, { recursive: true })
})
afterEach(() => rmSync(repo, { recursive: true }))

describe('the configuration', () => {
  it('has a default for everything, and the template that init writes says nothing else', async () => {
    const bare = await readConfig(paths)
    writeFileSync(paths.config, configTemplate)
    expect(await readConfig(paths)).toEqual(bare)
    // With every comment sign in front of a setting taken away it is still a valid file.
    writeFileSync(
      paths.config,
      configTemplate.replace(/^# ?(?=[a-z_]+:(?: |$)| {2})/gm, '').replace(/^#.*$/gm, ''),
    )
    expect(await readConfig(paths)).toMatchObject({
      base: 'main',
      verify: ['npm test'],
      worktree: { setup: 'npm ci' },
      notify: { after_minutes: 10, desktop: true },
      drift: { every: 20 },
    })
  })

  it('counts an edit at once, and costs no parsing as long as there is none', async () => {
    writeFileSync(paths.config, 'version: 1\nattempts: 5\n')
    expect((await readConfig(paths)).attempts).toBe(5)
    // What is kept beside is what is used: a changed value there shows.
    writeFileSync(
      paths.configCache,
      readFileSync(paths.configCache, 'utf8').replace('"attempts":5', '"attempts":6'),
    )
    expect((await readConfig(paths)).attempts).toBe(6)
    writeFileSync(paths.config, 'version: 1\nattempts: 7\n')
    expect((await readConfig(paths)).attempts).toBe(7)
  })

  it.each(['', '{', '[]', '{"sha256":"x","value":{"version":9}}'])(
    'is read again when what was kept of it is %j',
    async (kept) => {
      writeFileSync(paths.config, 'version: 1\nattempts: 5\n')
      writeFileSync(paths.configCache, kept)
      expect((await readConfig(paths)).attempts).toBe(5)
    },
  )
})

describe('a spec', () => {
  const parse = (text: string) => parseSpec(Buffer.from(text), 'spec.md')

  it('may be plain text: the first line is its title', async () => {
    expect(await parse('\n## Add a *login* form\n\nWith a test.\n')).toMatchObject({
      title: 'Add a *login* form',
      front: {},
    })
  })

  it('keeps its front matter from the worker', async () => {
    const spec = await parse('---\ntitle: A\nverify: [npm test]\n---\n\nDo it.\n\n---\n\nAnd more.\n')
    expect(spec).toMatchObject({
      title: 'A',
      front: { verify: ['npm test'] },
      body: 'Do it.\n\n---\n\nAnd more.\n',
    })
  })

  it('is the same spec with other line ends, and another with another word', async () => {
    const one = await parse('Do it.\nNow.\n')
    expect((await parse('\uFEFFDo it.\r\nNow.\r\n')).sha256).toBe(one.sha256)
    expect((await parse('Do it.\nLater.\n')).sha256).not.toBe(one.sha256)
  })

  it('has a title without what steers a terminal', async () => {
    expect((await parse('---\ntitle: "\\e[31mred\\a\\u202e"\n---\nDo it.\n')).title).toBe('red')
  })

  it.each([
    ['Add a login form', 'add-a-login-form'],
    ['  Ünï-cödé & more!! ', 'uni-code-more'],
    ['--x--', 'x'],
    ['日本語', ''],
    [`${'long '.repeat(20)}`, 'long-long-long-long-long-long-long-long'],
    ['Tests stand beside the code that they test', 'tests-stand-beside-the-code-that-they'],
    [`${'x'.repeat(40)} and more`, 'x'.repeat(40)],
    ['x'.repeat(50), 'x'.repeat(40)],
  ])('called %j gets an id', (title, id) => {
    expect(idFrom(title)).toBe(id)
  })
})

describe('a record', () => {
  const request = {
    version: 1 as const,
    at: '2026-02-03T04:05:06.789Z',
    cancel: false,
    by: 'me',
    restart: null,
  }
  const path = () => paths.task('a').stop

  it('comes back as it was written', () => {
    expect(readRecord(path(), stop)).toBeUndefined()
    writeRecord(path(), request)
    expect(readRecord(path(), stop)).toEqual(request)
  })

  it.each<[string, unknown, string, RegExp]>([
    [
      'another version',
      { ...request, version: 2 },
      'unknown-version',
      /has version 2; this Dirigent knows version 1/,
    ],
    ['a field too many', { ...request, more: 1 }, 'corrupt-file', /unknown field more/],
    [
      'a field too few',
      { version: 1, at: request.at, by: 'me' },
      'corrupt-file',
      /cancel: must be true or false/,
    ],
    ['another time', { ...request, at: 'yesterday' }, 'corrupt-file', /at: must match/],
    ['no object', 'x', 'corrupt-file', /the whole: must be an object/],
  ])('with %s is an error that names the file and the field', (_, value, code, says) => {
    writeRecord(path(), value)
    const read = () => readRecord(path(), stop)
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringMatching(says) }))
    expect(read).toThrow(path())
  })
})

describe('the trail', () => {
  const entry = (n: number): Event => ({
    at: '2026-02-03T04:05:06.789Z',
    task: 'a',
    type: 'note',
    attempt: 0,
    text: `${n}`,
  })

  it('gives the newest events, and counts lines that are torn or foreign', () => {
    const task = paths.task('a')
    for (let n = 0; n < 5; n++) record(paths, task, entry(n))
    writeFileSync(task.trail, `${readFileSync(task.trail, 'utf8')}{"at":"2026\n{"foreign":true}\n{"torn`)
    record(paths, task, entry(5))
    const { events, skipped } = readTrail(task, 5)
    expect([events.map((event) => event.text), skipped]).toEqual([['4', '5'], 3])
    expect(readTrail(task, 100).events).toHaveLength(6)
    expect(readTrail(paths.task('nobody'), 5)).toEqual({ events: [], skipped: 0 })
  })
})
