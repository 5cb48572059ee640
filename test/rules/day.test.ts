import { afterEach, beforeEach, expect, it } from 'vitest'
import { daysBefore, midnightAfter, minus, spentOf } from '../../lib/rules/day.ts'

const zone = process.env.TZ
beforeEach(() => {
  process.env.TZ = 'Europe/Berlin'
})
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

it('a day ends at the midnight of the place, also when it has 23 or 25 hours', () => {
  const midnight = (time: string) => midnightAfter(new Date(time)).toISOString()
  expect(midnight('2026-11-20T13:00:00Z')).toBe('2026-11-20T23:00:00.000Z')
  expect(midnight('2026-11-20T23:30:00Z')).toBe('2026-11-21T23:00:00.000Z')
  expect(midnight('2026-03-29T00:30:00Z')).toBe('2026-03-29T22:00:00.000Z')
  expect(midnight('2026-10-24T22:30:00Z')).toBe('2026-10-25T23:00:00.000Z')
})

it('an attempt has the days since it began, and no day twice, over a change of the clocks', () => {
  const days = (from: string, to: string) => daysBefore(new Date(from), new Date(to))
  expect(days('2026-11-20T10:00:00Z', '2026-11-20T20:00:00Z')).toEqual([])
  expect(days('2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual(['2026-10-24', '2026-10-25'])
  expect(days('2026-03-28T22:59:00Z', '2026-03-29T22:01:00Z')).toEqual(['2026-03-28', '2026-03-29'])
  expect(days('2020-01-01T00:00:00Z', '2026-01-01T00:00:00Z').length).toBeLessThan(40)
  expect(days('2026-11-21T10:00:00Z', '2026-11-20T10:00:00Z')).toEqual([])
})

it('is spent when either figure is reached, and says which', () => {
  expect(spentOf({}, { tokens: 1e9, minutes: 1e9 })).toBeNull()
  expect(spentOf({ tokens: 100, minutes: 60 }, { tokens: 99, minutes: 59.9 })).toBeNull()
  expect(spentOf({ tokens: 20_000 }, { tokens: 21_000, minutes: 0 })).toBe(
    "the day's budget of 20.0k tokens is spent (21.0k used)",
  )
  expect(spentOf({ minutes: 60 }, { tokens: 0, minutes: 60 })).toBe("the day's budget of 60 minutes is spent")
  expect(minus({ tokens: 5, minutes: 1 }, { tokens: 7, minutes: 0.5 })).toEqual({ tokens: 0, minutes: 0.5 })
})
