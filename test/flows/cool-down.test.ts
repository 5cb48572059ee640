/** One attempt meets a limit of the provider, and nothing is started for it until that is over. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { type Sandbox, until } from '../support/sandbox.ts'
import { exitOf, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 4, stop_grace_seconds: 1 }, (made) => {
  box = made
})

const done = { say: 'done' }
const hold = { run: 'while ! test -f ../../../go-on; do sleep 0.05; done' }
const file = () => join(box.state, 'cool-down.json')
const cooling = () => JSON.parse(readFileSync(file(), 'utf8')).providers['codex/scripted']
const usageLimit = (hours: number) => ({
  status: 429,
  body: {
    error: {
      type: 'usage_limit_reached',
      message: 'The usage limit has been reached',
      plan_type: 'pro',
      resets_at: Math.floor(Date.now() / 1000) + hours * 3600,
    },
  },
})
const queued = (...ids: string[]) =>
  until('all have met the limit', () => ids.every((id) => box.status(id).state === 'queued'))
function endIn(milliseconds: number) {
  const until = new Date(Date.now() + milliseconds).toISOString()
  const providers = { 'codex/scripted': { ...cooling(), until } }
  writeFileSync(file(), JSON.stringify({ version: 1, providers }))
}

it('counts once when four meet it together, costs none of them a try, and is over by time alone', async () => {
  const ids = ['a', 'b', 'c', 'd']
  for (const id of ids)
    await spawnTask(box, id, { change: 'none', attempts: 1 }, { attempts: [[hold, { status: 429 }], [done]] })
  await until('four workers', () => ids.every((id) => box.status(id).activity?.kind === 'tool'))
  box.write('go-on', '')
  await queued(...ids)
  for (const id of ids)
    expect(box.status(id), id).toMatchObject({ attempt: 1, tries: 0, limited: 1, not_before: null })
  expect(cooling()).toMatchObject({ class: 'rate-limit', times: 1 })
  expect(ids).toContain(cooling().task)
  const pause = Date.parse(cooling().until) - Date.parse(cooling().at)
  expect(pause).toBeGreaterThanOrEqual(15_000)
  // However long looking takes here.
  endIn(3_600_000)
  const shown = (await box.json('status')).json.data.tasks
  for (const task of shown) {
    expect(task.health).toBe('cooling-down')
    expect(task.reason).toMatch(/^codex\/scripted cools down until [\d-: ]+ \(rate limit met by [a-d]\)$/)
  }
  endIn(100)
  await settled(box, ...ids)
  for (const id of ids)
    expect(box.status(id), id).toMatchObject({ state: 'done', attempt: 2, tries: 0, limited: 0 })
  expect(trailOf(box, 'a')).toContainEqual(expect.objectContaining({ type: 'cool-down', attempt: 1 }))
  // Whoever was served to the end has cleared it.
  expect(cooling()).toBeUndefined()
})

it('lasts until the time that the provider named, for those who come later too, and leaves a running worker alone', async () => {
  await spawnTask(box, 'at-work', { change: 'none' }, [hold, done])
  await spawnTask(box, 'spent', {}, [usageLimit(3)])
  await queued('spent')
  const { failure } = exitOf(box, 'spent', 1)
  expect(failure).toMatchObject({ class: 'usage-limit', retryable: true })
  expect(cooling()).toMatchObject({ until: failure.retry_at, class: 'usage-limit', task: 'spent', times: 1 })
  // The provider names the minute only.
  expect(Math.abs(Date.parse(cooling().until) - Date.now() - 3 * 3_600_000)).toBeLessThan(180_000)
  const late = await box.json('spawn', 'late', '--spec', box.spec({ title: 'Late', change: 'none' }, [done]))
  expect(late.json.data).toMatchObject({
    task: { state: 'queued' },
    blocked: expect.stringMatching(/^codex\/scripted cools down until .* \(usage limit met by spent\)$/),
  })
  const health = (await box.json('status', 'late')).json.data.task
  expect(health).toMatchObject({ health: 'cooling-down', reason: late.json.data.blocked })
  box.write('go-on', '')
  await until('the end of the one at work', () => box.status('at-work').state === 'done')
  // Its success says nothing about a limit that still holds.
  expect(cooling()).toMatchObject({ until: failure.retry_at })
  expect(box.status('late').state).toBe('queued')
})

it('is no reason to stop looking when its file is damaged, and the next who meets a limit writes another', async () => {
  await spawnTask(box, 'first', {}, [hold, usageLimit(1)])
  await until('the worker', () => box.status('first').activity?.kind === 'tool')
  writeFileSync(file(), '{"version": 1, "providers": ')
  const later = await box.json('spawn', 'later', '--spec', box.spec({ title: 'Later' }, [done]))
  expect(later.json.data.blocked).toMatch(/cool-down\.json is damaged/)
  box.write('go-on', '')
  await queued('first')
  expect(cooling()).toMatchObject({ task: 'first' })
  expect(existsSync(file())).toBe(true)
})
