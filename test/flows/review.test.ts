/** Faults that a reading of the code found; each was seen to fail before it was mended. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isRunning } from '../../lib/kit/pid.ts'
import { plant } from '../support/bad-input.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { exitOf, kill, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 8, stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const say = { say: 'done' }

it('goes on after git has cleaned up the empty directories of its own', async () => {
  await spawnTask(box, 'before-gc', {}, [commit('before.txt'), say])
  await settled(box, 'before-gc')
  await box.git('gc', '--quiet')
  rmSync(join(box.repo, '.git', 'worktrees'), { recursive: true, force: true })
  await spawnTask(box, 'after-gc', {}, [commit('after.txt'), say])
  expect(await settled(box, 'after-gc')).toMatchObject({ state: 'merged' })
})

it('works in a clone, which has only what was committed', async () => {
  const clone = join(box.directory, 'clone')
  await box.git('clone', '--quiet', box.repo, clone)
  const ran = execFileSync(join(import.meta.dirname, '../../bin/build'), ['--', 'echo', 'built'], {
    cwd: clone,
    env: box.env,
  })
  expect(ran.toString()).toBe('built\n')
})

it('leaves a commit of the owner on main alone although the checkout is on another branch since', async () => {
  const gate = join(box.directory, 'owner-gate')
  await spawnTask(box, 'owner', {}, [
    { run: `while [ ! -e ${gate} ]; do sleep 0.05; done` },
    commit('owned.txt'),
    say,
  ])
  await until('the worker', () => workersOf(box, 'owner').length > 0)
  box.write('mine.txt', 'mine\n')
  await box.commit('by the owner')
  const mine = await box.git('rev-parse', 'HEAD')
  await box.git('switch', '--quiet', '--create', 'feature')
  writeFileSync(gate, '')
  const status = await settled(box, 'owner')
  await box.git('switch', '--quiet', 'main')
  expect(status).toMatchObject({ state: 'merged', flags: [] })
  expect(await box.git('merge-base', mine, 'main')).toBe(mine)
})

it('does not land what the checks themselves made right', async () => {
  const verify = ['echo good > quality.txt', 'grep -q good quality.txt']
  const make = { run: "echo bad > quality.txt && git add -A && git commit -qm 'add quality'" }
  await spawnTask(box, 'quality', { verify, attempts: 1 }, [make, say])
  const status = await settled(box, 'quality')
  expect(status).toMatchObject({ state: 'failed', failure: { class: 'check-failed' } })
  expect(status.reason).toContain('quality.txt')
})

it('does not wait for what cannot go on by itself: a chain that hangs on a failed task', async () => {
  await spawnTask(box, 'chain-a', { attempts: 1 }, [say])
  await settled(box, 'chain-a')
  await spawnTask(box, 'chain-b', { needs: ['chain-a'] }, [say])
  await spawnTask(box, 'chain-c', { needs: ['chain-b'] }, [say])
  const waited = await box.json('wait', 'chain-c', '--until', 'settled', '--timeout', '20s')
  expect(waited.exitCode).toBe(0)
  for (const id of ['chain-c', 'chain-b', 'chain-a']) await box.verb('stop', id, '--cancel')
})

it('stops a task whose runner and worker were killed, and what they left behind', async () => {
  const left = join(box.directory, 'left.pid')
  await spawnTask(box, 'orphans', {}, [
    { run: `setsid sh -c 'echo $$ > ${left}; exec sleep 1000' & sleep 1000` },
  ])
  await until('the orphan', () => existsSync(left) && readFileSync(left, 'utf8').trim() !== '')
  const worker = box.status('orphans').worker.pid
  kill(...runnersOf(box, 'orphans'), worker)
  await until('their end', () => !existsSync(`/proc/${worker}`) || runnersOf(box, 'orphans').length === 0)
  expect((await box.json('stop', 'orphans')).exitCode).toBe(0)
  expect(box.status('orphans').state).toBe('waiting')
  expect(isRunning(Number(readFileSync(left, 'utf8')))).toBe(false)
  expect(exitOf(box, 'orphans', 1)).toMatchObject({ failure: { class: 'lost' } })
})

it('gives a worker its whole prompt although the runner is killed at once', async () => {
  const text = `Read on.\n${'a line of a long specification, which does not fit into a pipe\n'.repeat(1300)}`
  await spawnTask(box, 'long', {}, [commit('long.txt'), say], text)
  await until('the worker', () => box.status('long').worker?.pid)
  kill(...runnersOf(box, 'long'))
  await until('its end', () => workersOf(box, 'long').length === 0)
  expect(await settled(box, 'long')).toMatchObject({ state: 'merged' })
  const prompts = box.model.requests.filter((request) => request.prompt?.includes('Task: long\n'))
  expect(prompts.every((request) => request.prompt?.includes('"say":"done"'))).toBe(true)
})

it('forgets a request to stop that nobody carried out when the task is respawned', async () => {
  await spawnTask(box, 'again', { attempts: 1 }, { attempts: [[say], [commit('again.txt'), say]] })
  await settled(box, 'again')
  const at = new Date().toISOString()
  writeFileSync(
    join(box.task('again'), 'stop.json'),
    JSON.stringify({ version: 1, at, cancel: true, by: 'somebody' }),
  )
  expect((await box.json('respawn', 'again')).exitCode).toBe(0)
  expect(await settled(box, 'again')).toMatchObject({ state: 'merged' })
})

it('takes the branch of a task along that never had a worktree', async () => {
  plant(box, 'homeless', { state: 'failed', attempt: 1, workplace: null })
  await box.git('branch', 'dirigent/homeless')
  await box.verb('stop', 'homeless', '--cancel')
  expect(await box.git('branch', '--list', 'dirigent/homeless')).toBe('')
})

it('refuses an attempt for which the budget is spent, without starting a worker', async () => {
  await spawnTask(box, 'spender', { budget: { tokens: 1500 } }, [{ run: 'true' }, { run: 'true' }, say])
  const first = await settled(box, 'spender')
  expect(first).toMatchObject({ state: 'failed', failure: { class: 'budget' } })
  expect((await box.json('respawn', 'spender')).exitCode).toBe(0)
  expect(await settled(box, 'spender')).toMatchObject({ state: 'failed', attempt: first.attempt + 1 })
  expect(trailOf(box, 'spender').filter((event) => event.type === 'worker').length).toBe(1)
})

it('lands several changes that were held up by the main checkout, when told once', async () => {
  box.write('README.md', '# Half a thought\n')
  for (const id of ['held-one', 'held-two']) await spawnTask(box, id, {}, [commit(`${id}.txt`), say])
  expect((await settled(box, 'held-one', 'held-two')).reason).toContain('README.md')
  await box.git('checkout', '--quiet', '--', 'README.md')
  expect((await box.json('land', 'held-one', 'held-two')).exitCode).toBe(0)
  await settled(box, 'held-one', 'held-two')
  expect([box.status('held-one').state, box.status('held-two').state]).toEqual(['merged', 'merged'])
})
