/** Many spawns at the same instant: git races with itself on its configuration and its worktrees. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ScriptedModel, startScriptedModel } from '../scripted-model/server.ts'
import { makeSandbox, type Ran, runVerb, type Sandbox, until } from '../support/sandbox.ts'

const many = 20
let model: ScriptedModel
let box: Sandbox
let config: string
const statusOf = (id: string) => JSON.parse(readFileSync(join(box.task(id), 'status.json'), 'utf8'))

beforeEach(async () => {
  model = await startScriptedModel()
  box = await makeSandbox({ model })
  // A worker that takes its prompt and then does nothing: twenty real ones would only measure themselves.
  const idle = join(box.directory, 'idle-worker')
  writeFileSync(idle, `#!/bin/sh\ncat > /dev/null\nexec tail -f ${box.directory}/gitconfig\n`, {
    mode: 0o755,
  })
  await box.git('clone', '-q', '--bare', box.repo, join(box.directory, 'origin.git'))
  await box.git('remote', 'add', 'origin', join(box.directory, 'origin.git'))
  await box.git('fetch', '-q', 'origin')
  box.configure({
    base: 'origin/main',
    max_workers: many,
    codex: { config: model.codexConfig(), path: idle },
  })
  await box.verb('init')
  config = readFileSync(join(box.repo, '.git', 'config'), 'utf8')
})
afterEach(async () => {
  await box.close()
  await model.close()
})

async function spawnAll(ids: readonly string[]): Promise<Ran[]> {
  const spec = box.spec({ title: 'one of many' }, [])
  return await Promise.all(ids.map((id) => box.json('spawn', id, '--spec', spec)))
}

it('makes twenty worktrees from a remote-tracking base, without an error, an upstream or a line of configuration', async () => {
  // The remote is ahead, and every task must begin at its tip.
  const ahead = await box.git('commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', 'ahead')
  await box.git('push', '-q', join(box.directory, 'origin.git'), `${ahead}:refs/heads/main`)
  const ids = Array.from({ length: many }, (_, n) => `task-${n}`)
  const spawned = await spawnAll(ids)
  expect(spawned.filter(({ exitCode }) => exitCode !== 0)).toEqual([])
  await until(
    'twenty workers',
    () => ids.every((id) => statusOf(id).state === 'running' && statusOf(id).worker),
    100_000,
  )
  const tasks = ids.map(statusOf)
  expect(tasks.map((task) => task.workplace.start)).toEqual(ids.map(() => ahead))
  expect(new Set(tasks.map((task) => task.workplace.ports.base)).size).toBe(many)
  expect(new Set(tasks.map((task) => task.workplace.git_dir)).size).toBe(many)
  for (const { workplace } of tasks) expect(existsSync(join(workplace.worktree, 'README.md'))).toBe(true)
  const upstreams = await box.git('for-each-ref', '--format=%(upstream)', 'refs/heads/dirigent')
  expect(upstreams.split('\n').filter((line) => line !== '')).toEqual([])
  expect(readFileSync(join(box.repo, '.git', 'config'), 'utf8')).toBe(config)
  expect(ids.map((id) => readFileSync(join(box.task(id), 'log', 'events.jsonl'), 'utf8')).join()).not.toMatch(
    /fetch-failed|failed/,
  )
  expect(readFileSync(join(box.state, 'locks', 'runner.log'), 'utf8')).toBe('')
}, 150_000)

it('asks a remote that does not answer twice at most, however many tasks want to know', async () => {
  const asked = join(box.directory, 'asked')
  const ssh = join(box.directory, 'ssh')
  writeFileSync(ssh, `#!/bin/sh\necho asked >> ${asked}\nsleep 2\nexit 255\n`, { mode: 0o755 })
  await box.git('remote', 'set-url', 'origin', 'ssh://nowhere.invalid/x.git')
  await box.verb('init')
  const ids = Array.from({ length: 6 }, (_, n) => `task-${n}`)
  const spec = box.spec({ title: 'one of a few' }, [])
  const env = { ...box.env, GIT_SSH_COMMAND: ssh }
  await Promise.all(ids.map((id) => runVerb('spawn', [id, '--spec', spec], box.repo, env)))
  await until('six workers', () => ids.every((id) => statusOf(id).worker))
  expect(readFileSync(asked, 'utf8').split('\n').length - 1).toBeLessThanOrEqual(2)
  for (const id of ids)
    expect(readFileSync(join(box.task(id), 'log', 'events.jsonl'), 'utf8')).toContain('"fetch-failed"')
}, 60_000)

it('creates one task when twenty spawn the same one', async () => {
  const spawned = await spawnAll(Array.from({ length: many }, () => 'only'))
  expect(spawned.filter(({ exitCode }) => exitCode !== 0)).toEqual([])
  expect(spawned.filter(({ json }) => json.data.created)).toHaveLength(1)
  expect(readdirSync(join(box.state, 'tasks'))).toEqual(['only'])
  expect(statusOf('only')).toMatchObject({ state: 'running', attempt: 1 })
  await until('its worktree', () => statusOf('only').worker)
  expect((await box.git('worktree', 'list')).split('\n')).toHaveLength(2)
}, 90_000)
