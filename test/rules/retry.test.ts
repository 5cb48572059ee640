import { describe, expect, it } from 'vitest'
import { afterFailure, failureToTell, mostMailed } from '../../lib/rules/retry.ts'
import type { FailureClass } from '../../lib/state/schema/common.ts'
import { at, failure, now, task } from './records.ts'

const next = (status: Parameters<typeof task>[0], kind: FailureClass, different = {}, cancel = false) =>
  afterFailure(task(status), failure(kind, different), cancel, now)

describe('an attempt that failed', () => {
  it.each(['check-failed', 'no-commit', 'conflict', 'context-overflow', 'stalled', 'bad-plan'] as const)(
    'for %s is followed by another at once',
    (kind) => {
      expect(next({ tries: 1, lost: 2, limited: 2 }, kind)).toEqual({
        state: 'queued',
        tries: 2,
        lost: 0,
        limited: 0,
        not_before: null,
        reason: `again after ${kind}: it went wrong`,
      })
    },
  )

  it.each([
    [0, null],
    [1, 2],
    [2, 4],
    [5, 30],
    [50, 30],
  ])(
    'by a crash is followed by another at once, and then a little later (%i tries before: %j s)',
    (tries, seconds) => {
      const status = { tries, settings: { attempts: 100 } }
      for (const kind of ['killed', 'crash', 'model-error', 'start-failed', 'setup-failed'] as const)
        expect(next(status, kind).not_before).toBe(seconds === null ? null : at(seconds))
    },
  )

  it.each([
    [0, 15],
    [1, 30],
    [2, 60],
    [3, 120],
    [9, 900],
    [40, 900],
  ])('because of the provider waits longer each time (%i tries before: %i s)', (tries, seconds) => {
    const status = { tries, settings: { attempts: 100 } }
    for (const kind of ['overload', 'network'] as const)
      expect(next(status, kind)).toMatchObject({ not_before: at(seconds), tries: tries + 1 })
  })

  it('waits until the time that the provider named', () => {
    expect(next({}, 'overload', { retry_at: at(7200) }).not_before).toBe(at(7200))
  })

  it('is the last one when the attempts are spent, and says what it failed at', () => {
    expect(next({ tries: 2 }, 'check-failed')).toMatchObject({
      state: 'failed',
      tries: 3,
      reason: 'all 3 attempts are spent; the last: it went wrong',
    })
    expect(next({ settings: { attempts: 1 } }, 'overload')).toMatchObject({
      state: 'failed',
      not_before: null,
      reason: 'the one attempt is spent; the last: it went wrong',
    })
  })

  it('is the last one when another cannot help', () => {
    expect(next({}, 'auth', { retryable: false })).toMatchObject({
      state: 'failed',
      tries: 1,
      reason: 'auth: it went wrong',
    })
  })
})

describe('an attempt that met a limit of its provider', () => {
  const limit = (status: Parameters<typeof task>[0], different = {}) => next(status, 'rate-limit', different)

  it('is no try, and waits as all the others do', () => {
    expect(limit({ tries: 2, lost: 1, limited: 3 }, { retry_at: at(60) })).toEqual({
      state: 'queued',
      tries: 2,
      lost: 0,
      limited: 4,
      not_before: null,
      reason: 'again after rate-limit: it went wrong',
    })
    expect(next({ settings: { attempts: 1 } }, 'usage-limit').state).toBe('queued')
  })

  it('is the last one after twenty in a row, and says why', () => {
    expect(limit({ limited: 18 }).state).toBe('queued')
    expect(limit({ limited: 19 })).toMatchObject({
      state: 'failed',
      limited: 20,
      reason: "the provider's limit was met 20 times in a row; the last: it went wrong",
    })
  })

  it('is the last one when another cannot help', () => {
    expect(limit({}, { retryable: false })).toMatchObject({ state: 'failed', tries: 0 })
  })
})

describe('an attempt that was cut short', () => {
  it('by a stop waits for somebody and costs no try', () => {
    expect(next({ tries: 1, lost: 1 }, 'stopped', { retryable: false })).toEqual({
      state: 'waiting',
      tries: 1,
      lost: 1,
      limited: 0,
      not_before: null,
      reason: 'it went wrong; respawn goes on from there',
    })
  })

  it('by a cancellation ends the task', () => {
    expect(next({}, 'stopped', { retryable: false }, true)).toMatchObject({ state: 'cancelled', tries: 0 })
  })

  it('by an urgent message, or for a thread that cannot be gone on with, is followed by another and costs no try', () => {
    const same = { state: 'queued', tries: 2, lost: 1, not_before: null }
    expect(next({ tries: 2, lost: 1 }, 'interrupted')).toMatchObject(same)
    expect(next({ tries: 2, lost: 1, resume: 'thread' }, 'start-failed')).toMatchObject(same)
    expect(next({ tries: 2, lost: 1 }, 'start-failed')).toMatchObject({ state: 'failed', tries: 3 })
  })

  it('by urgent messages again and again ends in failure, should they be its own', () => {
    expect(next({ mailed: mostMailed - 2 }, 'interrupted').state).toBe('queued')
    expect(next({ mailed: mostMailed - 1 }, 'interrupted')).toMatchObject({ state: 'failed', tries: 0 })
    expect(next({ mailed: mostMailed }, 'lost').state).toBe('queued')
  })

  it.each(['stopped', 'lost', 'interrupted'] as const)('by being %s teaches the next one nothing', (kind) => {
    const before = failure('check-failed')
    expect(failureToTell(task({ failure: before }), failure(kind))).toBe(before)
    expect(failureToTell(task({ failure: before }), failure('crash'))).toMatchObject({ class: 'crash' })
  })

  it('by a loss is followed by another, costs no try and goes on being counted as a loss', () => {
    expect(next({ tries: 2, lost: 3, attempt: 4 }, 'lost')).toMatchObject({
      state: 'queued',
      tries: 2,
      lost: 3,
      not_before: null,
    })
  })
})
