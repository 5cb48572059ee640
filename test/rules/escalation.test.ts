import { describe, expect, it } from 'vitest'
import {
  afterTelling,
  dueFor,
  heardBy,
  mostTries,
  newsText,
  nextTold,
  renewed,
  type Trouble,
  troubleOf,
  unheard,
  type Ways,
  wakeFailed,
  woken,
} from '../../lib/rules/escalation.ts'
import { at, now, task } from './records.ts'

const trouble = (id: string, different: Partial<Trouble> = {}): Trouble => ({
  id,
  title: id,
  state: 'failed',
  reason: 'it went wrong',
  since: at(-600),
  next: [`dirigent status ${id}`],
  ...different,
})
const one = () => renewed({}, [trouble('a')], now)
const ways: Ways = { channels: ['command', 'webhook'], after_minutes: 10 }
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

describe('a trouble', () => {
  it('is known from when it began, and told of by nobody', () => {
    expect(one().a).toMatchObject({ since: at(-600), woken: null, told: {}, failed: 0 })
    expect(renewed({}, [trouble('a', { since: null })], now).a?.since).toBe(at(0))
  })

  it('stays the same while its state, its time and its reason do', () => {
    const told = woken(one(), ['a'], now)
    expect(renewed(told, [trouble('a')], later(60))).toEqual(told)
    for (const other of [{ state: 'review' as const }, { since: at(-1) }, { reason: 'something else' }])
      expect(unheard(renewed(told, [trouble('a', other)], later(60)))).toEqual(['a'])
  })

  it('is forgotten when it is none any more', () => {
    expect(renewed(one(), [], now)).toEqual({})
  })

  it('is none where somebody has put the task to rest; a question is one', () => {
    expect(troubleOf(task({ state: 'waiting', question: null }), 'stopped by me')).toBeNull()
    expect(troubleOf(task({ state: 'waiting', question: 'Red?' }), 'Red?')).toMatchObject({ reason: 'Red?' })
    expect(troubleOf(task({ state: 'failed' }), 'a\u001b[31m\nb')).toMatchObject({ reason: 'a b' })
    expect(troubleOf(task({ state: 'queued' }), 'hopeless')?.since).toBeNull()
  })
})

describe('the orchestrator', () => {
  it('has been told by a wait that listened until after the trouble had begun', () => {
    expect(unheard(heardBy(one(), [trouble('a')], later(-601)))).toEqual(['a'])
    expect(unheard(heardBy(one(), [trouble('a')], null))).toEqual(['a'])
    expect(unheard(heardBy(one(), [trouble('a')], later(-600)))).toEqual([])
  })

  it('is believed to have heard what we have just come to know, of whose beginning nobody knows', () => {
    const hidden = [trouble('a', { since: null })]
    expect(unheard(heardBy(renewed({}, hidden, now), hidden, later(-2)))).toEqual([])
    expect(unheard(heardBy(renewed({}, hidden, now), hidden, later(-4)))).toEqual(['a'])
  })

  it('is not told again, also when the command failed, which is noted', () => {
    const told = wakeFailed(woken(one(), ['a'], now), 'wake: it ended with exit code 3')
    expect([unheard(told), told.a?.problem]).toEqual([[], 'wake: it ended with exit code 3'])
  })
})

describe('a person', () => {
  it('is told when nobody has taken care for long enough, by each way once', () => {
    const fresh = renewed({}, [trouble('a', { since: at(-599) })], now)
    expect([...dueFor(fresh, ways, now).values()]).toEqual([[], []])
    expect(nextTold(fresh, ways)).toEqual(later(1))
    expect([...dueFor(fresh, ways, later(1)).values()]).toEqual([['a'], ['a']])
    const half = afterTelling(fresh, ['a'], 'command', null, later(1))
    expect([...dueFor(half, ways, later(2)).values()]).toEqual([[], ['a']])
    const whole = afterTelling(half, ['a'], 'webhook', null, later(2))
    expect([...dueFor(whole, ways, later(9999)).values()]).toEqual([[], []])
    expect(nextTold(whole, ways)).toBeNull()
  })

  it('is told again later when that failed, less and less often, and then no more', () => {
    let entries = one()
    const pauses: number[] = []
    for (let n = 0; n < mostTries; n++) {
      entries = afterTelling(entries, ['a'], 'webhook', 'HTTP 500', now)
      pauses.push((Date.parse(entries.a?.retry_at ?? '') - now.getTime()) / 1000)
    }
    expect(pauses.slice(0, 4)).toEqual([5, 10, 20, 40])
    expect(Math.max(...pauses)).toBe(900)
    expect(entries.a).toMatchObject({ failed: mostTries, problem: 'HTTP 500' })
    expect(nextTold(entries, ways)).toBeNull()
    expect(nextTold(afterTelling(one(), ['a'], 'webhook', 'HTTP 500', now), ways)).toEqual(later(5))
  })

  it('is not told where there is no way', () => {
    expect(nextTold(one(), { ...ways, channels: [] })).toBeNull()
  })
})

it('says what it is about and what to type', () => {
  const troubles = [
    trouble('a'),
    trouble('b', { state: 'review', reason: 'read the diff', next: ['dirigent diff b'] }),
  ]
  expect(newsText('/repo', troubles, renewed({}, troubles, now), now)).toBe(
    [
      '2 tasks of /repo need you',
      '',
      'a: failed for 10 min: it went wrong',
      '  dirigent status a',
      'b: review for 10 min: read the diff',
      '  dirigent diff b',
      '',
    ].join('\n'),
  )
  const many = Array.from({ length: 500 }, (_, n) => trouble(`t${n}`))
  expect(newsText('/repo', many, {}, now).length).toBeLessThan(8500)
})
