/**
 * People edit files meanwhile: they save by a rename or by emptying and writing, and they break things. A reader
 * that comes in between looks again; what is broken is reported and never written over.
 *
 * Seen to fail: without the loop in readWithText (lib/state/record.ts), readConfig, readStatus, readLesson or readSource, the
 * ones of that kind; without `half` in readConfig, readLesson, readSource or allIn (lib/state/messages.ts), "makes sense, too"; without the age in
 * lib/kit/patience.ts, "costs nothing"; without its Math.floor, "in this very millisecond"; with `{ ...task.status, ...patch }` in amend (lib/flows/advance.ts),
 * "stays changed"; with `() => true` for `still` in changeStatus (lib/state/owner.ts), "between the look and the
 * rename"; without changedByHand, "has taken it".
 */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { amend } from '../../lib/flows/advance.ts'
import { readSpec } from '../../lib/flows/spec-source.ts'
import { readConfig } from '../../lib/state/config.ts'
import { createLesson, readLesson } from '../../lib/state/lessons.ts'
import { deliverable } from '../../lib/state/messages.ts'
import { changeStatus } from '../../lib/state/owner.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { readRecord, writeRecord } from '../../lib/state/record.ts'
import { stop } from '../../lib/state/schema/attempt.ts'
import type { Status } from '../../lib/state/schema/status.ts'
import { readBody } from '../../lib/state/spec.ts'
import { loadTask, type Task } from '../../lib/state/tasks.ts'
import { statusWith } from '../support/records.ts'

let repo: string
let paths: ReturnType<typeof statePaths>
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'dirigent-edits-'))
  paths = statePaths(repo)
  mkdirSync(paths.locks, { recursive: true })
  mkdirSync(paths.task('a').log, { recursive: true })
})
afterEach(() => rmSync(repo, { recursive: true }))

/** How often a reader waited, and what goes on in the world while it does so for the first time. */
let waits: number
let meanwhile: () => void
beforeEach(() => {
  waits = 0
  meanwhile = () => undefined
  vi.restoreAllMocks()
  const { wait } = Atomics
  vi.spyOn(Atomics, 'wait').mockImplementation((...given: Parameters<typeof wait>) => {
    waits += 1
    if (waits === 1) meanwhile()
    return wait(...given)
  })
})
afterEach(() => vi.restoreAllMocks())

/** Half of the save is done, and the other half while we wait. */
type Save = (path: string, text: string) => void

const truncates: Save = (path, text) => {
  writeFileSync(path, '')
  meanwhile = () => writeFileSync(path, text)
}
const halves: Save = (path, text) => {
  writeFileSync(path, text.slice(0, text.length / 2))
  meanwhile = () => writeFileSync(path, text)
}
const renames: Save = (path, text) => {
  renameSync(path, `${path}~`)
  meanwhile = () => writeFileSync(path, text)
}
const ways: [string, Save][] = [
  ['by emptying and writing', truncates],
  ['in two halves', halves],
]
const moved: [string, Save] = ['by moving the old one away first', renames]

describe('a file that somebody is just saving', () => {
  // Once because it cannot be read; and once, where half of it can be, until its save is over.
  afterEach(() => expect([1, 2]).toContain(waits))

  it.each(ways)('%s: a record is read as they wrote it', (_, save) => {
    const path = paths.task('a').stop
    const request = { version: 1, at: '2026-02-03T04:05:06.789Z', cancel: false, by: 'me' }
    writeRecord(path, request)
    save(path, JSON.stringify({ ...request, by: 'them' }))
    expect(readRecord(path, stop)).toMatchObject({ by: 'them' })
  })

  it.each([...ways, moved])('%s: the configuration is read as they wrote it', async (_, save) => {
    writeFileSync(paths.config, 'version: 1\nattempts: 5\n')
    save(paths.config, 'verify: ["npm test"]\nattempts: 7\nversion: 1\n')
    expect((await readConfig(paths)).attempts).toBe(7)
  })

  it.each([...ways, moved])('%s: a status is read as they wrote it', (_, save) => {
    const path = paths.task('a').status
    writeRecord(path, statusWith('a'))
    save(path, JSON.stringify(statusWith('a', { reason: 'theirs' })))
    expect(loadTask(paths, 'a').status.reason).toBe('theirs')
  })

  it.each(ways)('%s: a message is told as they wrote it', (_, save) => {
    const task = paths.task('a')
    mkdirSync(task.inbox)
    save(join(task.inbox, 'hint.md'), 'Use port 5433, please.')
    expect(deliverable(task, 1).map(({ text }) => text)).toEqual(['Use port 5433, please.'])
  })

  it.each([...ways, moved])('%s: a spec is read as they wrote it', async (_, save) => {
    const path = join(repo, 'spec.md')
    writeFileSync(path, 'Old.\n')
    save(path, `---\ntitle: New\n${'tags: [a]'.padEnd(200)}\n---\nDo it.\n`)
    expect((await readSpec(path)).title).toBe('New')
  })

  it.each([...ways, moved])('%s: a lesson is read as they wrote it', async (_, save) => {
    createLesson(paths, { name: 'a', rule: 'Old.' })
    save(paths.lesson('a'), `---\ntags: [web]\n---\nNew, ${'longer '.repeat(20)}and whole.\n`)
    expect((await readLesson(paths, 'a'))?.rule).toMatch(/^New, .* whole\.$/)
  })

  it.each([...ways, moved])('%s: what the worker is told is what they wrote', (_, save) => {
    const path = paths.task('a').spec
    writeFileSync(path, 'Old.\n')
    save(path, `---\ntitle: New\n${'tags: [a]'.padEnd(200)}\n---\nDo it.\n`)
    expect(readBody(path)).toBe('Do it.\n')
  })
})

describe('a file of which the first half makes sense, too', () => {
  afterEach(() => expect(waits).toBe(1))
  /** As if it had been saved long ago, so that it is not waited for once more. */
  const writeOld = (path: string, text: string) => {
    writeFileSync(path, text)
    utimesSync(path, 1000, 1000)
  }

  it('is not taken for the whole configuration', async () => {
    writeFileSync(paths.config, 'version: 1\n')
    meanwhile = () => writeOld(paths.config, 'version: 1\nattempts: 7\n')
    expect((await readConfig(paths)).attempts).toBe(7)
  })

  it('is not taken for the whole spec', async () => {
    const path = join(repo, 'spec.md')
    writeFileSync(path, 'Do it.\n')
    meanwhile = () => writeOld(path, 'Do it.\nAnd do it well.\n')
    expect((await readSpec(path)).body).toBe('Do it.\nAnd do it well.\n')
  })
})

it('is not believed either when it was written a moment ago in this very millisecond', async () => {
  const path = join(repo, 'spec.md')
  const second = Math.floor(Date.now() / 1000)
  vi.spyOn(Date, 'now').mockReturnValue(second * 1000)
  writeFileSync(path, 'Do it.\n')
  utimesSync(path, second + 0.0009, second + 0.0009)
  meanwhile = () => {
    vi.spyOn(Date, 'now').mockReturnValue(second * 1000 + 500)
    writeFileSync(path, 'Do it.\nAnd do it well.\n')
    utimesSync(path, 1000, 1000)
  }
  expect((await readSpec(path)).body).toBe('Do it.\nAnd do it well.\n')
})

describe('a file that is broken', () => {
  const broken = ['version: [', '{"version":1,'] as const
  const look = async (): Promise<void> => {
    writeFileSync(paths.config, broken[0])
    writeFileSync(paths.task('a').status, broken[1])
    if (age > 0) for (const path of [paths.config, paths.task('a').status]) utimesSync(path, age, age)
    await expect(readConfig(paths)).rejects.toMatchObject({ code: 'bad-config' })
    expect(() => loadTask(paths, 'a')).toThrow(expect.objectContaining({ code: 'corrupt-file' }))
    expect(readFileSync(paths.config, 'utf8')).toBe(broken[0])
    expect(readFileSync(paths.task('a').status, 'utf8')).toBe(broken[1])
  }
  let age: number

  it('and old costs nothing extra', async () => {
    age = Date.now() / 1000 - 2
    await look()
    expect(waits).toBe(0)
  })

  it('and new is looked at again for a tenth of a second, and reported then', async () => {
    age = 0
    const began = performance.now()
    await look()
    expect(performance.now() - began).toBeGreaterThan(190)
    // Fewer when the machine is slow.
    expect(waits).toBeGreaterThan(1)
    expect(waits).toBeLessThanOrEqual(20)
  })

  it('and a FIFO, or a link, is not waited for', () => {
    const path = paths.task('a').stop
    symlinkSync('/etc/hostname', path)
    expect(() => readRecord(path, stop)).toThrow(expect.objectContaining({ code: 'corrupt-file' }))
    expect(waits).toBe(0)
  })
})

it('does not wait for a configuration that there is not', async () => {
  utimesSync(paths.root, 1000, 1000)
  expect((await readConfig(paths)).attempts).toBe(3)
  expect(waits).toBe(0)
})

describe('a status that a person changed by hand while somebody holds the task', () => {
  let task: Task
  const path = () => paths.task('a').status
  const now = (): Status => JSON.parse(readFileSync(path(), 'utf8'))
  const edit = (different: Partial<Status>) =>
    writeFileSync(path(), JSON.stringify({ ...now(), ...different }))
  beforeEach(() => {
    const status = statusWith('a', { state: 'running', attempt: 1, epoch: 2 })
    writeRecord(path(), status)
    task = { id: 'a', paths: paths.task('a'), status }
  })

  it('stays changed, and the holder goes by it from its next write on', () => {
    edit({ settings: { ...now().settings, attempts: 9 }, title: 'Better' })
    task = amend(task, { minutes: 5 })
    expect(now()).toMatchObject({ title: 'Better', minutes: 5, settings: { attempts: 9 } })
    expect(task.status).toEqual(now())
  })

  it('stays changed when that was between the look and the rename', () => {
    let looks = 0
    changeStatus(task, (seen) => {
      looks += 1
      if (looks === 1) edit({ title: 'Just now' })
      return { ...seen, minutes: 5 }
    })
    expect([looks, now().title, now().minutes]).toEqual([2, 'Just now', 5])
  })

  it.each([{ state: 'waiting' as const }, { attempt: 2 }, { epoch: 3 }])(
    'to %j has taken it: the holder changes nothing more',
    (different) => {
      edit(different)
      const theirs = readFileSync(path(), 'utf8')
      expect(() => amend(task, { minutes: 5 })).toThrow(expect.objectContaining({ code: 'stale-epoch' }))
      expect(readFileSync(path(), 'utf8')).toBe(theirs)
    },
  )

  it.each(['', '{"version":1,', '{"version":1,"id":"a"}'])('to %j is not written over', (text) => {
    writeFileSync(path(), text)
    utimesSync(path(), 1000, 1000)
    expect(() => amend(task, { minutes: 5 })).toThrow(expect.objectContaining({ code: 'corrupt-file' }))
    expect(readFileSync(path(), 'utf8')).toBe(text)
  })

  it('or moved away is not made again', () => {
    renameSync(paths.task('a').directory, join(repo, 'elsewhere'))
    expect(() => amend(task, { minutes: 5 })).toThrow(expect.objectContaining({ code: 'stale-epoch' }))
  })
})
