/** The budget of a day: over all tasks, held by the runners themselves, raised by an edit of the settings. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { dayOf } from '../../lib/kit/text.ts'
import { sandboxForEach } from '../support/each.ts'
import { type Sandbox, until } from '../support/sandbox.ts'
import { exitOf, kill, runnersOf, settled, spawnTask, workersOf } from '../support/tasks.ts'

let box: Sandbox
const settings = { max_workers: 4, stop_grace_seconds: 1 }
sandboxForEach({ ...settings, day_budget: { tokens: 10_000 } }, (made) => {
  box = made
})

const done = { say: 'done', usage: { input: 10, output: 10 } }
const thirsty = { run: 'sleep 60', usage: { input: 5900, output: 100 } }
const ledger = () => {
  const directory = join(box.state, 'usage')
  return readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  )
}
const spent = /^the day's budget of 10\.0k tokens is spent \(12\.\dk used\)/

it('ends the workers when it is spent, starts none, costs no try, and goes on when it is raised', async () => {
  const steps = { attempts: [[{ run: 'true', usage: { input: 100 } }, thirsty], [done]] }
  for (const id of ['a', 'b']) await spawnTask(box, id, { change: 'none', attempts: 1 }, steps)
  // Nobody calls a verb: their runners look.
  await until('both were ended', () => ['a', 'b'].every((id) => box.status(id).state === 'queued'), 60_000)
  for (const id of ['a', 'b']) {
    expect(exitOf(box, id, 1).failure).toMatchObject({
      class: 'day-budget',
      message: expect.stringMatching(spent),
    })
    expect(box.status(id)).toMatchObject({
      attempt: 1,
      tries: 0,
      not_before: null,
      flags: [expect.stringMatching(spent)],
    })
    expect(workersOf(box, id)).toEqual([])
  }
  expect(
    ledger()
      .map(({ task, attempt, tokens }) => ({ task, attempt, tokens: tokens > 6000 }))
      // Whichever of them looked first.
      .sort((one, other) => one.task.localeCompare(other.task)),
  ).toEqual(['a', 'b'].map((task) => ({ task, attempt: 1, tokens: true })))
  const late = await box.json('spawn', 'late', '--spec', box.spec({ title: 'Late', change: 'none' }, [done]))
  expect(late.json.data.blocked).toMatch(
    /^the day's budget of 10\.0k tokens is spent \(12\.\dk used\); goes on at midnight$/,
  )
  box.configure({ ...settings, day_budget: { tokens: 1_000_000 } })
  await settled(box, 'a', 'b', 'late')
  for (const id of ['a', 'b', 'late']) expect(box.status(id).state, id).toBe('done')
})

it('counts an attempt once, whatever is written twice, and only its share of today', async () => {
  const day = (ago: number) => dayOf(new Date(Date.now() - ago * 86_400_000))
  const line = (task: string, tokens: number) =>
    `${JSON.stringify({ at: new Date().toISOString(), task, attempt: 1, tokens, minutes: 1 })}\n`
  mkdirSync(join(box.state, 'usage'), { recursive: true })
  writeFileSync(join(box.state, 'usage', `${day(1)}.jsonl`), line('x', 999_999))
  writeFileSync(
    join(box.state, 'usage', `${day(0)}.jsonl`),
    `${line('x', 9000)}${line('x', 9000)}${line('y', 900)}{"torn`,
  )
  await spawnTask(box, 'a', { change: 'none' }, [{ run: 'true', usage: { input: 10 } }, done])
  expect(await settled(box, 'a')).toMatchObject({ state: 'done', attempt: 1 })
  writeFileSync(join(box.state, 'usage', `${day(0)}.jsonl`), line('z', 101), { flag: 'a' })
  const late = await box.json('spawn', 'late', '--spec', box.spec({ title: 'Late', change: 'none' }, [done]))
  expect(late.json.data.blocked).toMatch(/10\.\dk used/)
})

it('ends a worker whose runner is gone, too', async () => {
  await spawnTask(box, 'a', { change: 'none' }, { attempts: [[thirsty], [done]] })
  await until(
    'its command',
    () => box.status('a').activity?.kind === 'tool' && box.status('a').worker.tokens > 5000,
  )
  kill(...runnersOf(box, 'a'))
  expect(workersOf(box, 'a').length).toBeGreaterThan(0)
  box.configure({ ...settings, day_budget: { tokens: 5000 } })
  await until('it was ended', async () => {
    await box.verb('status')
    return box.status('a').state === 'queued'
  })
  expect(exitOf(box, 'a', 1).failure.class).toBe('day-budget')
  expect(workersOf(box, 'a')).toEqual([])
})
