/**
 * A request to begin again (`restart` in stop.json): the attempt is ended and the next one is told why; no other
 * attempt is meant.
 *
 * Seen to fail: without `restartOf` in lib/flows/runner/attempt.ts and conclude.ts; without the look at the attempt in
 * `requestFor`; without SIGCONT in lib/flows/runner/attend.ts, whose grace then passes in vain.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, kill, runnersOf, settled, spawnTask, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 40 } })
})
afterAll(async () => {
  await box.close()
})

const request = (id: string, attempt: number, kind = 'stalled', not_before: string | null = null) => {
  const restart = { attempt, class: kind, message: 'no sign of life in `sleep 600`', not_before }
  const record = { version: 1, at: new Date().toISOString(), cancel: false, by: 'supervisor', restart }
  writeFileSync(join(box.task(id), 'stop.json'), JSON.stringify(record))
}
const commit = (file: string) => ({ run: `echo > ${file} && git add ${file} && git commit -qm ${file}` })
const hanging = (id: string) => ({ attempts: [[{ run: 'sleep 600' }], [commit(id), { say: 'done' }]] })
const inTool = async (id: string) =>
  await until('its command', () => box.status(id).activity?.kind === 'tool')

it('ends the attempt, counts it as a try, and tells the next one', async () => {
  await spawnTask(box, 'again', {}, hanging('again'))
  await inTool('again')
  request('again', 1)
  expect(await settled(box, 'again')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
  expect(exitOf(box, 'again', 1).failure).toMatchObject({ class: 'stalled', retryable: true })
  expect(attemptFile(box, 'again', 2, 'prompt.md')).toContain('no sign of life in `sleep 600`')
  expect(existsSync(join(box.task('again'), 'stop.json'))).toBe(false)
})

it('means one attempt: a request that came too late ends nothing', async () => {
  const scripts = {
    attempts: [[{ run: 'sleep 600' }], [{ run: 'sleep 2' }, commit('late'), { say: 'done' }]],
  }
  await spawnTask(box, 'late', {}, scripts)
  await inTool('late')
  request('late', 1)
  await until('the second', () => box.status('late').attempt === 2)
  await inTool('late')
  request('late', 1)
  expect(await settled(box, 'late')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
})

it('reaches a worker without a runner, and one that was stopped by a signal, within its grace', async () => {
  await spawnTask(box, 'orphan', {}, hanging('orphan'))
  await inTool('orphan')
  kill(...runnersOf(box, 'orphan'))
  request('orphan', 1)
  expect(await settled(box, 'orphan')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
  expect(exitOf(box, 'orphan', 1).failure.class).toBe('stalled')

  await spawnTask(box, 'frozen', {}, hanging('frozen'))
  await inTool('frozen')
  for (const pid of workersOf(box, 'frozen')) process.kill(pid, 'SIGSTOP')
  const began = Date.now()
  request('frozen', 1)
  await until('the second', () => box.status('frozen').attempt === 2)
  expect(Date.now() - began).toBeLessThan(38_000)
  expect(await settled(box, 'frozen')).toMatchObject({ state: 'merged', tries: 1 })
})

it('waits with the next attempt until its time, where the budget of the day is spent, and that is no try', async () => {
  await spawnTask(box, 'spent', {}, hanging('spent'))
  await inTool('spent')
  const not_before = new Date(Date.now() + 3_600_000).toISOString()
  request('spent', 1, 'day-budget', not_before)
  await until(
    'its rest',
    () => box.status('spent').state === 'queued' && runnersOf(box, 'spent').length === 0,
  )
  expect((await box.json('status', 'spent')).json.data.task).toMatchObject({ state: 'queued', attempt: 1 })
  expect(box.status('spent')).toMatchObject({ attempt: 1, tries: 0, not_before })
  const over = { ...box.status('spent'), not_before: new Date(Date.now() - 1).toISOString() }
  writeFileSync(join(box.task('spent'), 'status.json'), JSON.stringify(over))
  expect(await settled(box, 'spent')).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
})
