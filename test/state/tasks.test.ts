import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findTask, statePaths } from '../../lib/state/paths.ts'
import {
  archiveTask,
  checkId,
  countArchived,
  createTask,
  listArchived,
  listTasks,
  liveIds,
  loadTask,
} from '../../lib/state/tasks.ts'
import { statusWith } from '../support/records.ts'

let repo: string
let paths: ReturnType<typeof statePaths>
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'dirigent-state-'))
  paths = statePaths(repo)
})
afterEach(() => rmSync(repo, { recursive: true }))

it('makes a task whole: the directory is there with everything in it, and nothing else is', () => {
  expect(createTask(paths, statusWith('a'), 'spec')).toBe(true)
  expect(readdirSync(paths.tasks)).toEqual(['a'])
  expect(readdirSync(paths.task('a').directory).sort()).toEqual([
    'inbox',
    'log',
    'outbox',
    'run.lock',
    'spec.md',
    'status.json',
  ])
  expect(loadTask(paths, 'a').status).toEqual(statusWith('a'))
})

it('gives an id once, also when its task is archived', () => {
  createTask(paths, statusWith('a'), 'first')
  expect(createTask(paths, statusWith('a'), 'second')).toBe(false)
  archiveTask(paths, loadTask(paths, 'a'))
  expect(createTask(paths, statusWith('a'), 'third')).toBe(false)
  expect(existsSync(paths.task('a').directory)).toBe(false)
  expect(readdirSync(paths.tasks)).toEqual([])
})

it('takes a half-made directory for no task', () => {
  createTask(paths, statusWith('a'), 'spec')
  mkdirSync(join(paths.tasks, '.tmp-b-1-2-3'))
  writeFileSync(join(paths.tasks, '.DS_Store'), '')
  writeFileSync(join(paths.tasks, 'notes.txt'), '')
  expect(liveIds(paths)).toEqual(['a'])
  expect(listTasks(paths)).toMatchObject({ tasks: [{ id: 'a' }], broken: [] })
})

it('lists what it can read beside what it cannot', () => {
  for (const id of ['a', 'b', 'c']) createTask(paths, statusWith(id), 'spec')
  writeFileSync(paths.task('b').status, '{}')
  const { tasks, broken } = listTasks(paths)
  expect(tasks.map((task) => task.id)).toEqual(['a', 'c'])
  expect(broken).toMatchObject([{ id: 'b', failure: { code: 'corrupt-file' } }])
})

it('finds an archived task by its id, in the month when it ended', () => {
  createTask(paths, statusWith('a', { state: 'merged', since: '2026-02-03T04:05:06.789Z' }), 'spec')
  archiveTask(paths, loadTask(paths, 'a'))
  expect(findTask(paths, 'a')?.directory).toBe(join(paths.archive, '2026-02', 'a'))
  expect(loadTask(paths, 'a').status.state).toBe('merged')
  expect([countArchived(paths), listArchived(paths, 10).tasks.length, liveIds(paths).length]).toEqual([
    1, 1, 0,
  ])
})

it('reads so many archived tasks, newest months first, and no more', () => {
  for (const [id, month] of [
    ['old', '2026-01'],
    ['new', '2026-03'],
    ['mid', '2026-02'],
  ] as const) {
    createTask(paths, statusWith(id, { state: 'done', since: `${month}-03T04:05:06.789Z` }), 'spec')
    archiveTask(paths, loadTask(paths, id))
  }
  mkdirSync(join(paths.archive, 'not-a-month'))
  expect(listArchived(paths, 2).tasks.map((task) => task.id)).toEqual(['new', 'mid'])
})

it.each(['a', '0', 'a-b', 'x'.repeat(63)])('takes %s for an id', (id) => {
  expect(() => checkId(id)).not.toThrow()
})

it.each(['', '-a', 'A', 'a_b', 'a/b', '..', 'a.b', 'x'.repeat(64), 'a\n'])('takes %j for no id', (id) => {
  expect(() => checkId(id)).toThrow(/not a task id/)
})
