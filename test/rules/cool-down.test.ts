import { expect, it } from 'vitest'
import { afterMeeting, type Cooling, isCooling, isLimit } from '../../lib/rules/cool-down.ts'
import { at, failure, now } from './records.ts'

const limit = (retry_at: string | null = null) => failure('usage-limit', { retry_at })
const met = (known: Cooling | undefined, started: string, retry_at: string | null = null) =>
  afterMeeting(known, { failure: limit(retry_at), task: 'b', started }, now)
const known: Cooling = {
  until: at(100),
  class: 'rate-limit',
  message: 'slow down',
  task: 'a',
  at: at(-5),
  times: 2,
}

it('lasts until the time that the provider stated', () => {
  expect(met(undefined, at(-60), at(7200))).toEqual({
    until: at(7200),
    class: 'usage-limit',
    message: 'it went wrong',
    task: 'b',
    at: at(0),
    times: 1,
  })
})

it.each([
  [0, 15],
  [1, 30],
  [2, 60],
  [6, 900],
  [30, 900],
])('without a stated time lasts longer each time (met %i times before: %i s)', (times, seconds) => {
  const before = times === 0 ? undefined : { ...known, until: at(-1), times }
  expect(met(before, at(-1))).toMatchObject({ until: at(seconds), times: times + 1 })
})

it('goes by the clock when the time stated has passed', () => {
  expect(met(undefined, at(-60), at(-10)).until).toBe(at(15))
})

// Seen to fail: without `longestStated`.
it('does not believe a time that is no limit’s: a worker may say any', () => {
  expect(met(undefined, at(-60), '9999-12-31T23:59:59.000Z').until).toBe(at(15))
})

it('counts a limit once, however many meet it that had begun before', () => {
  expect(met(known, at(-60))).toEqual(known)
})

it('is made longer by whoever is told a longer time, and never shorter', () => {
  expect(met(known, at(-60), at(300))).toEqual({ ...known, until: at(300) })
  expect(met(known, at(-60), at(50))).toEqual(known)
  expect(met({ ...known, until: at(1000) }, at(-1), at(50)).until).toBe(at(1000))
})

it('is over by time alone', () => {
  expect(isCooling({ ...known, until: at(1) }, now)).toBe(true)
  expect(isCooling({ ...known, until: at(0) }, now)).toBe(false)
})

it('comes of limits, and not of a provider that is overloaded', () => {
  expect(
    (['usage-limit', 'rate-limit', 'overload', 'network'] as const).map((kind) => isLimit(failure(kind))),
  ).toEqual([true, true, false, false])
})
