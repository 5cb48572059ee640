/** What stands in the place of one task's files keeps nobody from the others, and leads nothing of ours astray. */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { needStates } from '../../lib/flows/needs.ts'
import type { Task } from '../../lib/state/tasks.ts'
import { plant, run } from '../support/bad-input.ts'
import { statusWith } from '../support/records.ts'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox()
})
afterAll(async () => {
  await box.close()
})

const shown = async () => {
  const ran = await run(box, ['status', '--json'])
  expect([ran.exitCode, ran.stderr]).toEqual([0, ''])
  return JSON.parse(ran.stdout).data.tasks as { id: string; state: string }[]
}

// Seen to fail: with a failure of one lock thrown on by `settle`, every verb answered with it.
it.each([
  ['a directory', async (path: string) => mkdirSync(path)],
  ['a link to itself', async (path: string) => symlinkSync(path, path)],
  ['a FIFO', async (path: string) => void (await execa('mkfifo', [path]))],
])('shows every other task beside a lost one whose run.lock is %s', async (_, put) => {
  plant(box, 'healthy')
  const directory = plant(box, 'lockless', { state: 'running', attempt: 1 })
  const lock = join(directory, 'run.lock')
  rmSync(lock)
  await put(lock)
  expect(await shown()).toContainEqual(expect.objectContaining({ id: 'healthy', state: 'waiting' }))
  expect((await run(box, ['wait', 'healthy', '--timeout', '2s'])).exitCode).toBe(0)
  const stopped = await box.json('stop', 'lockless')
  expect(stopped.exitCode === 0 || stopped.json.error.code === 'corrupt-file').toBe(true)
  await box.verb('stop', 'lockless', '--cancel')
  rmSync(directory, { recursive: true, force: true })
})

// Seen to fail: what the status named was removed when the task was cancelled.
it('removes only a worktree of its own, whatever a status names, and no branch but its own', async () => {
  const victim = join(box.directory, 'victim')
  const other = join(box.directory, 'other')
  for (const path of [victim, other]) mkdirSync(path, { recursive: true })
  writeFileSync(join(victim, 'precious'), 'x')
  await box.git('branch', 'precious')
  for (const [id, branch] of [
    ['thief', 'dirigent/thief'],
    ['robber', 'precious'],
  ] as const) {
    plant(box, id, {
      attempt: 1,
      workplace: {
        branch,
        worktree: victim,
        git_dir: other,
        start: await box.git('rev-parse', 'HEAD'),
        prepared: true,
        included: [],
        resetting: null,
        ports: { base: 30_000, count: 10 },
      },
    })
    expect((await box.json('stop', id, '--cancel')).json).toMatchObject({ ok: true })
    expect(box.status(id).state).toBe('cancelled')
  }
  expect(existsSync(join(victim, 'precious'))).toBe(true)
  expect(existsSync(other)).toBe(true)
  expect(await box.git('branch', '--list', 'precious')).toMatch(/precious/)
})

// Seen to fail: a log followed through a FIFO never came to an end; attempts were counted one by one.
it('follows and shows a task whose trail is a FIFO and whose status counts a billion attempts', async () => {
  const directory = plant(box, 'odd', { attempt: 1_000_000_000 })
  await execa('mkfifo', [join(directory, 'log', 'events.jsonl')])
  for (const words of [
    ['log', 'odd', '--follow'],
    ['log', 'odd', '--json'],
    ['status', 'odd', '--json'],
  ])
    expect((await run(box, words)).exitCode).toBe(0)
})

// Seen to fail: rmdir and readdir of what is no directory, or is one, ended in a stack.
it('goes on with a request to stop that is a directory, an archived month that is a file, a cache that is a directory', async () => {
  const directory = plant(box, 'stopless')
  mkdirSync(join(directory, 'stop.json'))
  mkdirSync(join(box.state, 'archive'), { recursive: true })
  writeFileSync(join(box.state, 'archive', '2020-01'), 'not a month')
  rmSync(join(box.state, 'locks', 'config.json'), { force: true })
  mkdirSync(join(box.state, 'locks', 'config.json'))
  try {
    expect(await shown()).toContainEqual(expect.objectContaining({ id: 'stopless' }))
    expect((await box.json('status', '--all')).exitCode).toBe(0)
    expect((await box.json('stop', 'stopless', '--cancel')).json).toMatchObject({ ok: true })
  } finally {
    rmSync(join(box.state, 'locks', 'config.json'), { recursive: true })
    rmSync(join(box.state, 'archive', '2020-01'))
  }
})

// Seen to fail: each step was a call within a call, and some thousands of them are too many.
it('knows how each of ten thousand tasks stands that need one another in a row', () => {
  const tasks: Task[] = Array.from({ length: 10_000 }, (_, n) => ({
    id: `t-${n}`,
    paths: {} as Task['paths'],
    status: statusWith(`t-${n}`, { settings: { needs: n === 0 ? [] : [`t-${n - 1}`] } }),
  }))
  const stateOf = needStates({} as Parameters<typeof needStates>[0], tasks)
  expect(stateOf('t-9999')).toBe('queued')
})

// Seen to fail: without `makeOwnDirectory` in lib/state/journal.ts, a stack trace for the trail that could not be opened.
it('cancels a task whose log is a link that leads nowhere', async () => {
  const directory = plant(box, 'logless', { state: 'waiting', attempt: 0 })
  rmSync(join(directory, 'log'), { recursive: true, force: true })
  symlinkSync(join(box.directory, 'nowhere'), join(directory, 'log'))
  const stopped = await run(box, ['stop', 'logless', '--cancel', '--json'])
  expect([stopped.exitCode, stopped.stderr]).toEqual([0, ''])
  expect(box.status('logless').state).toBe('cancelled')
  expect(existsSync(join(box.directory, 'nowhere'))).toBe(false)
})
