import { describe, expect, it } from 'vitest'
import { dateTime } from '../../lib/kit/text.ts'
import {
  blockedBy,
  defaultWorkers,
  findCycle,
  hopelessNeed,
  type NeedState,
  plan,
} from '../../lib/rules/capacity.ts'
import type { Different } from '../support/records.ts'
import { at, now, task } from './records.ts'

const queued = (id: string, different: Different = {}) => task({ id, state: 'queued', ...different })
const needs = (...ids: string[]) => ({ settings: { needs: ids } })
const stands = (states: Readonly<Record<string, NeedState>>) => (id: string) => states[id] ?? 'unknown'
const nobody = stands({})

describe('the number of workers by default', () => {
  it.each([
    [8, 64, 16],
    [2, 64, 4],
    [8, 8, 4],
    [64, 1024, 16],
    [1, 1, 1],
  ])('on %i cores and %i GiB is %i', (cores, gib, workers) => {
    expect(defaultWorkers(cores, gib * 2 ** 30)).toBe(workers)
  })
})

describe('a plan', () => {
  it('starts by priority, then by age, then by name, as many as there are places', () => {
    const tasks = [
      queued('young', { created: at(-10) }),
      queued('old-b', { created: at(-20) }),
      queued('old-a', { created: at(-20) }),
      queued('low', { created: at(-90), settings: { priority: -1 } }),
      queued('high', { created: at(-5), settings: { priority: 1 } }),
      task({ id: 'busy' }),
    ]
    const { start, blocked } = plan(tasks, 5, now, nobody)
    expect(start).toEqual(['high', 'old-a', 'old-b', 'young'])
    expect([...blocked]).toEqual([['low', 'capacity: 5 of 5 workers are busy']])
  })

  it('goes on with what has begun before it begins anything of the same priority', () => {
    const tasks = [
      queued('fresh', { created: at(-20), attempt: 0 }),
      queued('begun', { created: at(-10), attempt: 2 }),
      queued('urgent', { created: at(-5), attempt: 0, settings: { priority: 1 } }),
    ]
    expect(plan(tasks, 9, now, nobody).start).toEqual(['urgent', 'begun', 'fresh'])
  })

  it('counts workers, not tasks that are proved, land or wait', () => {
    const states = ['verifying', 'landing', 'waiting', 'review', 'failed'] as const
    const tasks = [...states.map((state) => task({ id: state, state })), queued('next')]
    expect(plan(tasks, 1, now, nobody).start).toEqual(['next'])
  })

  it('starts nothing when more work than there are places', () => {
    const tasks = [task({ id: 'one' }), task({ id: 'two' }), queued('next')]
    expect(plan(tasks, 1, now, nobody)).toMatchObject({ start: [] })
  })

  it('gives the place of a blocked task to the next', () => {
    const tasks = [queued('needy', { ...needs('x'), created: at(-99) }), queued('free')]
    const { start, blocked } = plan(tasks, 1, now, stands({ x: 'running' }))
    expect(start).toEqual(['free'])
    expect(blocked.get('needy')).toBe('needs x (running)')
  })
})

describe('a queued task is blocked', () => {
  it('until its pause is over, and not after', () => {
    expect(blockedBy(queued('a', { not_before: at(1) }), now, nobody)).toBe(
      `cooling down until ${dateTime(at(1))}`,
    )
    expect(blockedBy(queued('a', { not_before: at(0) }), now, nobody)).toBeNull()
  })

  it('until everything it needs is merged or done', () => {
    const wants = queued('a', needs('x', 'y'))
    expect(blockedBy(wants, now, stands({ x: 'merged', y: 'done' }))).toBeNull()
    expect(blockedBy(wants, now, stands({ x: 'merged', y: 'review' }))).toBe('needs y (review)')
    expect(blockedBy(wants, now, stands({ x: 'merged', y: 'cancelled' }))).toBe('needs y, which is cancelled')
    expect(blockedBy(wants, now, stands({ x: 'merged' }))).toBe('needs y, which is unknown')
  })

  it.each([
    ['failed', true],
    ['cancelled', true],
    ['unknown', true],
    ['waiting', false],
    ['running', false],
    ['merged', false],
  ] as const)('for good when what it needs is %s: %s', (state, hopeless) => {
    expect(hopelessNeed(queued('a', needs('x')), () => state)).toBe(hopeless ? 'x' : null)
  })
})

describe('a circle of needs', () => {
  const graph: Readonly<Record<string, readonly string[]>> = { b: ['c'], c: ['d', 'a'], d: ['b'], e: ['d'] }
  const needsOf = (id: string) => graph[id] ?? []

  it('is found and shown', () => {
    expect(findCycle('a', ['b'], needsOf)).toEqual(['a', 'b', 'c', 'a'])
    expect(findCycle('a', ['a'], needsOf)).toEqual(['a', 'a'])
  })

  it('is not found where there is none for this task, even beside one that is there', () => {
    expect(findCycle('z', ['b', 'e'], needsOf)).toBeNull()
    expect(findCycle('z', [], needsOf)).toBeNull()
  })

  // Seen to fail: with every way walked, each further layer doubled the time, and a chain of 10,000 was too deep.
  it('is looked for in no more steps than there are needs, however they branch and meet', () => {
    const layers = (id: string) => {
      const below = Number(id.slice(1)) - 1
      return below < 0 ? [] : [`a${below}`, `b${below}`]
    }
    expect(findCycle('z', ['a40', 'b40'], layers)).toBeNull()
    const chain = (id: string) => (id === '0' ? ['z'] : [`${Number(id) - 1}`])
    expect(findCycle('z', ['10000'], chain)).toHaveLength(10_003)
  })
})
