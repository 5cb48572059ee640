import { describe, expect, it } from 'vitest'
import { dateTime } from '../../lib/kit/text.ts'
import { aloneHealth, healthOf } from '../../lib/rules/health.ts'
import type { Activity } from '../../lib/state/schema/status.ts'
import { at, now, task } from './records.ts'

const doing = (kind: Activity['kind'], what: string | null, since = -60, heard = since) =>
  healthOf(task({ activity: { kind, what, since: at(since), last_event: at(heard) } }), true, now.getTime())

describe('a task in a runner’s hands', () => {
  it.each([
    ['tool', 'npm test', 'in-a-tool', 'npm test (60 s)'],
    ['checking', 'npm test', 'checking', 'npm test (60 s)'],
    ['landing', 'onto main', 'landing', 'onto main (60 s)'],
    ['reconnecting', 'Reconnecting... 1/5', 'reconnecting', 'Reconnecting... 1/5 (60 s)'],
    ['build-lock', 'waiting: held by b', 'waiting-for-the-build-lock', 'waiting: held by b'],
    ['thinking', null, 'working', 'thinking (60 s)'],
    ['starting', null, 'working', 'starting (60 s)'],
  ] as const)('that is %s (%s) is %s', (kind, what, name, evidence) => {
    expect(doing(kind, what)).toEqual({ name, evidence })
  })

  it('is quiet when the model has not been heard for more than five minutes', () => {
    expect(doing('thinking', null, -900, -299)).toMatchObject({ name: 'working' })
    expect(doing('thinking', null, -900, -301)).toEqual({ name: 'quiet', evidence: 'no event for 5 min' })
  })

  it('stands still when that is seen, unless it waits for the build lock', () => {
    const running = task({ activity: null })
    expect(healthOf(running, true, now.getTime(), null, 'no event')).toEqual({
      name: 'stalled',
      evidence: 'no event',
    })
    expect(healthOf(running, true, now.getTime(), '1st of 1', 'no event').name).toBe(
      'waiting-for-the-build-lock',
    )
    expect(healthOf(running, false, now.getTime(), null, 'no event').name).toBe('lost')
  })

  it('is not said to do what its worker did when that has ended', () => {
    const activity = { kind: 'starting', what: null, since: at(-60), last_event: at(-60) } as const
    const proving = task({ state: 'verifying', reason: 'attempt 1 ended; proving it', activity })
    const evidence = 'attempt 1 ended; proving it'
    expect(healthOf(proving, true, now.getTime())).toEqual({ name: 'working', evidence })
  })

  it('is not quiet in a long command', () => {
    expect(doing('tool', 'npm test', -3600)).toMatchObject({ name: 'in-a-tool' })
  })

  it.each(['running', 'verifying', 'landing'] as const)(
    'is lost when nobody holds its lock while it is %s',
    (state) => {
      const health = healthOf(task({ state }), false, now.getTime())
      expect(health).toEqual({
        name: 'lost',
        evidence: 'its runner died (run.lock is free, neither runner nor worker lives)',
      })
    },
  )
})

describe('a task in nobody’s hands', () => {
  it('is never lost', () => {
    for (const state of ['queued', 'waiting', 'review', 'failed', 'merged', 'done', 'cancelled'] as const)
      expect(healthOf(task({ state, reason: 'because' }), false, now.getTime())).toEqual({
        name: 'resting',
        evidence: 'because',
      })
  })

  it('cools down until its time has come', () => {
    const queued = task({ state: 'queued', not_before: at(30) })
    expect(healthOf(queued, true, now.getTime())).toEqual({
      name: 'cooling-down',
      evidence: `until ${dateTime(at(30))}`,
    })
    expect(healthOf(queued, true, now.getTime() + 31_000).name).toBe('resting')
  })
})

it('says of a worker without a runner that it goes on, and that what is known of it is old', () => {
  expect(aloneHealth(doing('tool', 'npm test'))).toEqual({
    name: 'alone',
    evidence:
      'its runner died; its worker goes on by itself, within its budget (seen before: npm test (60 s))',
  })
})
