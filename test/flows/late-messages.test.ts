/** A message that was accepted is told to a worker, whenever it came; one that nobody would read is refused. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mostMailed } from '../../lib/rules/retry.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, runnersOf, settled, spawnTask } from '../support/tasks.ts'

let box: Sandbox
const gate = (name: string) => join(box.directory, name)
const waitFor = (name: string) => `while [ ! -e ${gate(name)} ]; do sleep 0.05; done`
const commit = (id: string) => ({ run: `echo ${id} > ${id}.txt; git add -A; git commit -qm 'add ${id}'` })

beforeAll(async () => {
  box = await makeSandbox()
  // No hook hands mail over in the middle of a turn: somebody's settings have replaced them.
  const config = { ...box.model.codexConfig(), 'hooks.PostToolUse': [], 'hooks.Stop': [] }
  box.configure({ max_workers: 4, stop_grace_seconds: 1, codex: { config } })
  await box.commit('settings')
})

afterAll(async () => {
  await box.close()
})

/** Seen to fail: with a `backForMail` that finds nothing, by attempt 1: it merges, and nobody was told. */
it('while the worker works: another attempt is told before anything lands', async () => {
  await spawnTask(
    box,
    'late',
    {},
    { attempts: [[{ run: waitFor('go') }, commit('late')], [{ say: 'noted' }]] },
  )
  await until('its command', () => box.status('late').activity?.kind === 'tool')
  expect((await box.json('send', 'late', 'Mind the gap.', '--id', 'gap')).exitCode).toBe(0)
  writeFileSync(gate('go'), '')
  expect(await settled(box, 'late')).toMatchObject({
    state: 'merged',
    attempt: 2,
    tries: 0,
    flags: [
      expect.stringMatching(/^codex did not run our hook post-tool-use: messages wait for the next attempt/),
      expect.stringMatching(/^codex did not run our hook stop:/),
    ],
  })
  expect(attemptFile(box, 'late', 2, 'prompt.md')).toContain('Mind the gap.')
  expect(box.read('late.txt')).toBe('late\n')
})

/** Seen to fail: without `mostMailed` in lib/flows/runner/mail.ts, by going on. */
it('a worker that writes to itself is not started for that again and again', async () => {
  const again = [{ run: 'dirigent send echo "Once more." --note' }, { say: 'noted' }]
  const asks = [{ run: 'dirigent ask "Go on?"' }, { say: 'asked' }]
  await spawnTask(box, 'echo', { change: 'none' }, { attempts: [asks, again, again, [{ say: 'noted' }]] })
  await until('its question', () => box.status('echo').state === 'waiting')
  await until('its runner to have gone', () => runnersOf(box, 'echo').length === 0)
  const path = join(box.task('echo'), 'status.json')
  writeFileSync(path, JSON.stringify({ ...box.status('echo'), mailed: mostMailed - 2 }))
  await box.json('send', 'echo', 'Yes.')
  expect(await settled(box, 'echo')).toMatchObject({ state: 'failed', attempt: 3, mailed: mostMailed })
  expect(box.status('echo').reason).toMatch(/^50 attempts in a row were begun for messages alone/)
  // Nothing is lost, and somebody has looked.
  await box.json('respawn', 'echo')
  expect(await settled(box, 'echo')).toMatchObject({ state: 'done', attempt: 4, mailed: 0 })
  expect(attemptFile(box, 'echo', 4, 'prompt.md')).toContain('Once more.')
})

/** Seen to fail: with a `backForMail` that finds nothing, by attempt 1. */
it('while it is checked: it does not land before it is told', async () => {
  await spawnTask(
    box,
    'checked',
    { verify: [waitFor('checks')] },
    { attempts: [[commit('checked')], [{ say: 'noted' }]] },
  )
  await until('its check', () => box.status('checked').activity?.kind === 'checking')
  expect((await box.json('send', 'checked', 'Mind the step.', '--id', 'step')).exitCode).toBe(0)
  writeFileSync(gate('checks'), '')
  expect(await settled(box, 'checked')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(attemptFile(box, 'checked', 2, 'prompt.md')).toContain('Mind the step.')
})

/** Seen to fail: with `isLate` asking for ended tasks alone, "expected 0 to be 3". */
it('while it lands: it is refused, and nothing of it is left', async () => {
  await spawnTask(box, 'landing', {}, [commit('landing'), { run: waitFor('person') }])
  await until('its command', () => existsSync(join(box.state, 'worktrees', 'landing', 'landing.txt')))
  box.write('README.md', 'A person is at it.\n')
  writeFileSync(gate('person'), '')
  await until('its landing waits', () => box.status('landing').change?.state === 'ready', 60_000)
  const refused = await box.json('send', 'landing', 'Too late.', '--id', 'late')
  expect(refused.exitCode).toBe(3)
  expect(existsSync(join(box.task('landing'), 'inbox', 'late.md'))).toBe(false)
})

/** Seen to fail: without the second `backForMail`, in proveReport, by attempt 1: it is done, and nobody was told. */
it('while a report is checked: it is not done before it is told', async () => {
  await spawnTask(
    box,
    'report',
    { change: 'none', verify: [waitFor('proof')] },
    { attempts: [[{ say: 'the report' }], [{ say: 'noted' }]] },
  )
  await until('its check', () => box.status('report').activity?.kind === 'checking')
  expect((await box.json('send', 'report', 'Mind the figures.', '--id', 'figures')).exitCode).toBe(0)
  writeFileSync(gate('proof'), '')
  expect(await settled(box, 'report')).toMatchObject({ state: 'done', attempt: 2 })
  expect(attemptFile(box, 'report', 2, 'prompt.md')).toContain('Mind the figures.')
})
