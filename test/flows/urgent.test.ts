/**
 * `send --urgent`: the worker is interrupted cleanly and its thread goes on with the message, once, whoever dies.
 *
 * Seen to fail: without the look for it in lib/flows/runner/attend.ts, "interrupts"; without `whyEnd` knowing of it in
 * lib/flows/survivors.ts, "whose runner is gone"; without `backForMail` resuming, "while it is proved".
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, kill, runnersOf, settled, spawnTask, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 1, stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const commit = (file: string) => ({ run: `git add --all && git commit -qm 'add ${file}'` })
const scripts = (id: string, attempts = 2) => ({
  attempts: Array.from({ length: attempts }, (_, n) =>
    n < attempts - 1
      ? [{ run: `echo ${n} > ${id}.txt` }, { run: `sleep 6${n}` }]
      : [commit(id), { say: 'done' }],
  ),
})
const inTool = (id: string, what: string) =>
  until(
    `${id} in ${what}`,
    () => box.status(id).state === 'running' && box.status(id).activity?.what === what,
  )
/** Attempts whose prompt has the text. */
const toldIn = (id: string, text: string) =>
  Array.from({ length: box.status(id).attempt }, (_, n) => n + 1).filter((n) =>
    attemptFile(box, id, n, 'prompt.md').includes(text),
  )
const mail = (id: string) =>
  ['.', 'seen'].map(
    (at) => readdirSync(join(box.task(id), 'inbox', at)).filter((name) => /\.md$/.test(name)).length,
  )

it('interrupts the worker, whose thread goes on with it at once, before tasks that have not begun', async () => {
  await spawnTask(box, 'live', {}, scripts('live', 3))
  await inTool('live', 'sleep 60')
  await spawnTask(box, 'other', {}, [commit('other'), { say: 'done' }])
  const { thread } = box.status('live').worker
  const said = await box.verb('send', 'live', 'Stop: use the red one.', '--urgent')
  expect(said.stdout).toMatch(/its worker is interrupted, and goes on with it/)
  await inTool('live', 'sleep 61')
  expect(box.status('live')).toMatchObject({ attempt: 2, tries: 0, failure: null })
  expect(box.status('other')).toMatchObject({ state: 'queued', attempt: 0 })
  const interrupted = { exit_code: 1, thread, failure: { class: 'interrupted' } }
  expect(exitOf(box, 'live', 1)).toMatchObject(interrupted)
  await box.verb('send', 'live', 'And now the green one.', '--urgent')
  expect(await settled(box, 'live', 'other')).toMatchObject({ state: 'merged', attempt: 3, tries: 0 })
  expect([1, 2, 3].map((n) => exitOf(box, 'live', n))).toMatchObject([
    { thread, resumed: false },
    { thread, resumed: true, failure: { class: 'interrupted' } },
    { thread, resumed: true, failure: null },
  ])
  expect([toldIn('live', 'red one'), toldIn('live', 'green one'), mail('live')]).toEqual([[2], [3], [0, 2]])
  expect(await box.git('show', 'main:live.txt')).toBe('1')
})

it('is told once by a worker whose runner is gone, and by one that died with it', async () => {
  for (const id of ['alone', 'dead']) {
    await spawnTask(box, id, {}, scripts(id))
    await inTool(id, 'sleep 60')
    kill(...runnersOf(box, id), ...(id === 'dead' ? workersOf(box, id) : []))
    await until('its runner has gone', () => runnersOf(box, id).length === 0)
    await box.verb('send', id, 'Use the red one.', '--urgent')
    expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
    expect(exitOf(box, id, 2)).toMatchObject({ resumed: true, thread: exitOf(box, id, 1).thread })
    expect([toldIn(id, 'red one'), mail(id)]).toEqual([[2], [0, 1]])
  }
})

it('is told with the next attempt where no worker works: while it is proved, and while it rests', async () => {
  const steps = {
    attempts: [
      [{ run: 'echo 1 > p.txt' }, { say: 'ready' }],
      [{ run: 'echo 2 > p.txt' }, commit('p'), { say: 'done' }],
    ],
  }
  const gate = join(box.directory, 'gate')
  await spawnTask(box, 'proved', { verify: [`until test -e ${gate}; do sleep 0.05; done`] }, steps)
  await until('its check', () => box.status('proved').activity?.kind === 'checking')
  expect((await box.verb('send', 'proved', 'Make it two.', '--urgent')).stdout).toMatch(
    /waits for the next attempt/,
  )
  writeFileSync(gate, '')
  expect(await settled(box, 'proved')).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
  expect(exitOf(box, 'proved', 2).resumed).toBe(true)

  await spawnTask(box, 'rests', {}, scripts('rests'))
  await inTool('rests', 'sleep 60')
  await box.json('stop', 'rests')
  expect((await box.verb('send', 'rests', 'Hurry.', '--urgent')).stdout).toMatch(
    /rests is waiting: respawn it/,
  )
  await box.json('respawn', 'rests')
  expect(await settled(box, 'rests')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(toldIn('rests', 'Hurry.')).toEqual([2])
})
