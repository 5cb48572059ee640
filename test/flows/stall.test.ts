/**
 * A worker that stands still is told so, and begun anew when that changes nothing. One that waits, works or thinks is
 * left alone. Most of them at once, because most of it is waiting.
 *
 * Seen to fail: without `isStopped` in lib/flows/supervise/signs.ts, "says so when its runner"; where the longest wait
 * counts, and not the last word (`declaredWait`, there), "is left alone"; without the first `return null` of
 * `failureOf` in lib/flows/runner/conclude.ts, or without `renewed` in lib/flows/runner/run.ts, "has done its work".
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { findCodex } from '../../lib/tools/codex/find.ts'
import { makeSandbox, root, type Sandbox, until as untilWithin } from '../support/sandbox.ts'
import {
  attemptFile,
  exitOf,
  kill,
  runnersOf,
  settled,
  spawnTask,
  supervisorsOf,
  trailOf,
  workersOf,
} from '../support/tasks.ts'

// Several share the machine with those of another file.
vi.setConfig({ testTimeout: 120_000 })
const until: typeof untilWithin = (what, look, limit = 60_000) => untilWithin(what, look, limit)

let box: Sandbox
const quick = { stall: { minutes: 0.08, grace_minutes: 0.06 }, supervise: { every_seconds: 0.3 } }
const shared = { ...quick, max_workers: 10, stop_grace_seconds: 1, attempts: 2 }
beforeAll(async () => {
  box = await makeSandbox({ config: shared })
})
afterAll(async () => {
  await box.close()
})

const commit = (file: string) => ({ run: `echo > ${file} && git add ${file} && git commit -qm ${file}` })
const then = (first: object, file: string) => ({ attempts: [[first], [commit(file), { say: 'done' }]] })
const nudges = (id: string) => trailOf(box, id).filter(({ type }) => type === 'nudge')
/** What was said of an attempt that is over is for nobody else. */
const expired = (id: string) =>
  readdirSync(join(box.task(id), 'inbox', 'expired')).filter((name) => name.startsWith('stall-1-'))

// By itself: that it is told once is a matter of seconds.
it('is nudged and begun anew when its command hangs, also when the supervisor is killed in between', async () => {
  // A worker that takes seconds to start would be told so while it starts.
  const patient = { ...quick.stall, minutes: 60 }
  box.configure({ ...shared, stall: patient })
  await spawnTask(box, 'hangs', {}, then({ run: 'sleep 600' }, 'hangs'))
  await until('its command', () => box.status('hangs').activity?.kind === 'tool')
  box.configure(shared)
  await until('a nudge', () => nudges('hangs').length > 0)
  const shown = async () => (await box.json('status', 'hangs')).json.data.task
  const seen = await until('it is shown', async () => {
    const { health, evidence } = await shown()
    return health === 'stalled' && evidence
  })
  expect(seen).toMatch(/no CPU for .* in `sleep 600`$/)
  kill(...supervisorsOf(box))
  await box.verb('supervise', '--once')
  await until(
    'the second',
    async () => (await box.verb('supervise', '--once')) && box.status('hangs').attempt === 2,
  )
  expect(await settled(box, 'hangs')).toMatchObject({ state: 'merged', tries: 1 })
  // The clock did not start anew: it would have been told twice.
  expect([nudges('hangs').length, expired('hangs').length]).toEqual([1, 1])
  expect(exitOf(box, 'hangs', 1).failure).toMatchObject({ class: 'stalled' })
  expect(attemptFile(box, 'hangs', 2, 'prompt.md')).toMatch(/It stood still: .* in `sleep 600`/)
})

it.concurrent('is left alone when it waits for the build lock, uses the CPU, changes files or thinks', async () => {
  const hold =
    'dirigent build -- sh -c "until test -f ../../../go-on; do seq 30000 > /dev/null; sleep 0.1; done"'
  await spawnTask(box, 'holds', {}, [{ run: hold }, commit('holds'), { say: 'done' }])
  await until('the lock', () => workersOf(box, 'holds').length > 2)
  const queue = [{ run: 'dirigent build -- true' }, commit('queues'), { say: 'done' }]
  await spawnTask(box, 'queues', {}, queue)
  const writes = 'while ! test -f ../../../go-on; do echo > noise; sleep 0.5; done; rm noise'
  await spawnTask(box, 'writes', {}, [{ run: writes }, commit('writes'), { say: 'done' }])
  // It leaves no trace while it blocks: no CPU, no file.
  const declared = 'dirigent tell --waiting 1m "the others" && mkfifo ../../../pipe && cat ../../../pipe'
  await spawnTask(box, 'declares', {}, [{ run: declared }, commit('declares'), { say: 'done' }])
  await spawnTask(box, 'thinks', {}, [{ wait: 12_000 }, commit('thinks'), { say: 'done' }])
  // A worker that does stand still shows that the others were looked at for long enough.
  // Its wait is over: it has said something else since.
  const over = 'dirigent tell --waiting 9m "a lock" && dirigent tell "I have it" && sleep 600'
  await spawnTask(box, 'measure', {}, then({ run: over }, 'measure'))
  await until('the end of the measure', () => box.status('measure').attempt === 2, 60_000)
  box.write('go-on', '')
  writeFileSync(join(box.repo, 'pipe'), 'go on')
  for (const id of ['holds', 'queues', 'writes', 'thinks', 'declares']) {
    expect(await settled(box, id), id).toMatchObject({ state: 'merged', attempt: 1 })
    expect(nudges(id), id).toEqual([])
  }
})

it.concurrent('is begun anew when it was stopped by a signal, although its model is to answer', async () => {
  await spawnTask(box, 'frozen', {}, then({ hang: true }, 'frozen'))
  await until('it thinks', () => box.status('frozen').activity?.kind === 'thinking')
  for (const pid of workersOf(box, 'frozen')) process.kill(pid, 'SIGSTOP')
  expect(await settled(box, 'frozen')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
  expect(readFileSync(join(box.task('frozen'), 'log', 'attempt-002', 'prompt.md'), 'utf8')).toContain(
    'while thinking',
  )
})

it.concurrent('is begun anew when its runner is gone as well', async () => {
  await spawnTask(box, 'orphan', {}, then({ run: 'sleep 600' }, 'orphan'))
  await until('its command', () => box.status('orphan').activity?.kind === 'tool')
  kill(...runnersOf(box, 'orphan'))
  expect(await settled(box, 'orphan')).toMatchObject({ state: 'merged', attempt: 2, tries: 1 })
  expect(nudges('orphan').length).toBeGreaterThan(0)
  expect(attemptFile(box, 'orphan', 2, 'prompt.md')).toMatch(/It stood still: .* in `sleep 600`/)
})

it.concurrent('says so when its runner was stopped by a signal, and goes on when that does', async () => {
  const gate = join(box.directory, 'gate')
  const hold = { run: `until test -e ${gate}; do sleep 0.02; done` }
  await spawnTask(box, 'halted', {}, [hold, commit('halted'), { say: 'done' }])
  await until('its command', () => box.status('halted').activity?.kind === 'tool')
  const [pid = 0] = runnersOf(box, 'halted')
  process.kill(pid, 'SIGSTOP')
  const shown = async () => (await box.json('status', 'halted')).json.data.task
  await until('it is seen', async () => (await shown()).health === 'stalled')
  expect((await shown()).evidence).toBe(`its runner was stopped by a signal; let it go on: kill -CONT ${pid}`)
  process.kill(pid, 'SIGCONT')
  writeFileSync(gate, '')
  expect(await settled(box, 'halted')).toMatchObject({ state: 'merged', attempt: 1 })
})

it.concurrent('has done its work when it had finished and only did not leave', async () => {
  const late = await makeSandbox({
    model: box.model,
    config: { ...quick, attempts: 1, stop_grace_seconds: 1 },
  })
  try {
    const path = join(late.directory, 'codex')
    const real = findCodex(null, process.env, root).binary
    writeFileSync(path, `#!/bin/sh\n"${real}" "$@"\nsleep 600\n`, { mode: 0o755 })
    late.configure({
      ...quick,
      attempts: 1,
      stop_grace_seconds: 1,
      codex: { path, config: box.model.codexConfig() },
    })
    await late.commit('another worker')
    await spawnTask(late, 'late', {}, [commit('late'), { say: 'done' }])
    expect(await settled(late, 'late')).toMatchObject({ state: 'merged', attempt: 1, tries: 0 })
    expect(trailOf(late, 'late').filter(({ type }) => type === 'nudge')).toHaveLength(1)
  } finally {
    await late.close()
  }
})
