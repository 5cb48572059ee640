import { describe, expect, it } from 'vitest'
import { type Course, driftOf as driftOfCourse } from '../../lib/rules/drift.ts'
import { say } from './records.ts'

const driftOf = (given: Course) => driftOfCourse(given, say)

const minutes = (n: number) => n * 60_000
const course: Course = {
  title: 'Add a login form',
  body: 'Users type their name and password. Keep the session for a day.',
  paths: ['src/**', 'test/**'],
  touched: ['src/login.ts'],
  checkpoint: { text: '# Done\nform\n# Now\nthe login form in src/login.ts\n', ofThisAttempt: true },
  age: minutes(30),
  every: minutes(20),
}
const said = (text: string) => ({ text, ofThisAttempt: true })
const found = (different: Partial<Course>) => driftOf({ ...course, ...different }).map(({ short }) => short)

it('has nothing to say of a worker that keeps to its spec', () => {
  expect(found({})).toEqual([])
})

describe('files', () => {
  it('outside the paths are named, and the paths with them', () => {
    const [finding] = driftOf({ ...course, touched: ['src/a.ts', 'docs/b.md', 'package.json'] })
    expect(finding).toMatchObject({
      key: 'outside docs/b.md\0package.json',
      short: 'changed outside its paths: docs/b.md, package.json',
    })
    expect(finding?.text).toMatch(/\(src\/\*\*, test\/\*\*\): docs\/b\.md, package\.json\./)
  })

  it('may be any where the spec names none', () => {
    expect(found({ paths: [], touched: ['docs/b.md'], checkpoint: said('# Now\nlogin: docs/b.md') })).toEqual(
      [],
    )
  })

  it('are listed within bounds and on one line each', () => {
    const touched = Array.from({ length: 500 }, (_, n) => `docs/${n}\u001b[31m\n`)
    const [finding] = driftOf({ ...course, touched })
    expect(finding?.text).toMatch(/docs\/19 and 480 more\./)
    expect(finding?.text).not.toContain('\u001b')
  })
})

describe('the checkpoint', () => {
  it.each([
    ['none', null],
    ['one of an earlier attempt', { text: 'login form', ofThisAttempt: false }],
  ])('is asked for when there is %s after so long', (_, checkpoint) => {
    expect(found({ checkpoint })).toEqual(['no checkpoint for 30 min'])
    expect(found({ checkpoint, age: minutes(19) })).toEqual([])
  })

  it.each([
    ['# Now\nthe login form: docs/guide.md\n', ['docs/guide.md']],
    ['# Next\n- login, then `lib/server/auth.ts:12`.\n', ['lib/server/auth.ts']],
    ['the login form, ./docs/guide.md', ['docs/guide.md']],
    ['# Done\ndocs/guide.md read\n# Now\nlogin form\n', []],
    ['# Notes\nlogin form: see docs/guide.md\n# Next\nsrc/form/login.ts\n', []],
    ['# Now\nlogin form: see https://example.com/docs/guide.md and /etc/hosts.conf and ../other/x.ts\n', []],
    ['# Now\nlogin form: read/write and his/her and 1/2\n', []],
  ])('names files outside the paths that it plans to work on: %j', (text, files) => {
    const expected = files.length > 0 ? [`its checkpoint names files outside its paths: ${files.join()}`] : []
    expect(found({ checkpoint: said(text) })).toEqual(expected)
  })

  it('is not told twice of a file that was changed already', () => {
    const touched = ['docs/guide.md']
    expect(found({ touched, checkpoint: said('# Now\nlogin form: docs/guide.md') })).toEqual([
      'changed outside its paths: docs/guide.md',
    ])
  })

  it('that has no word of the spec is asked about, with the spec', () => {
    const checkpoint = said('# Now\nUpgrading webpack, eslint, prettier, babel and jest everywhere')
    const [finding] = driftOf({ ...course, checkpoint })
    expect(finding?.short).toBe('its checkpoint has no word of its spec')
    expect(finding?.text).toMatch(/^> Add a login form\n> Users type/m)
  })

  it.each([
    ['one word is enough', 'Upgrading webpack, eslint, prettier, babel and passwords'],
    ['its beginning is enough', 'Upgrading webpack, eslint, prettier, babel: users'],
    ['in the name of a thing, too', 'Upgrading webpack, eslint, prettier, babel: makeLoginButton'],
    ['too short to say', 'webpack babel'],
    ['words that any text has do not count', 'Done, Now, Next, Notes: this will need more work'],
    ['another script is not compared', 'веб-пакет обновляется сейчас, потом тесты и линтер'],
  ])('is left alone: %s', (_, text) => {
    expect(found({ checkpoint: said(`# Now\n${text}`) })).toEqual([])
  })
})
