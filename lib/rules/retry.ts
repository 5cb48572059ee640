/** What follows an attempt that did not end well. Pure. */
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'

/**
 * Lost this often in a row (machine, our crash, kill -9), a task is not taken up again: a person is asked.
 * Such attempts do not count as tries, so this is what bounds them.
 */
export const mostLost = 5

/** First pause after a failure of the provider; doubled for each further one. */
const firstPause = 15_000
const longestPause = 15 * 60_000

const providers = ['usage-limit', 'rate-limit', 'overload', 'network']

export interface Next {
  readonly state: 'queued' | 'failed' | 'waiting' | 'cancelled'
  readonly reason: string
  readonly tries: number
  readonly lost: number
  readonly not_before: string | null
}

/** @param cancel the stop that ended the attempt was a cancellation */
export function afterFailure(status: Status, failure: TaskFailure, cancel: boolean, now: Date): Next {
  const same = { tries: status.tries, lost: status.lost, not_before: null }
  if (failure.class === 'stopped') {
    return cancel
      ? { ...same, state: 'cancelled', reason: failure.message }
      : { ...same, state: 'waiting', reason: `${failure.message}; respawn goes on from there` }
  }
  if (failure.class === 'lost') {
    return {
      ...same,
      state: 'queued',
      reason: `attempt ${status.attempt} was lost (${failure.message}); starting again`,
    }
  }
  if (failure.class === 'day-budget')
    return { ...same, state: 'queued', reason: failure.message, not_before: failure.retry_at }
  if (failure.class === 'interrupted') return { ...same, state: 'queued', reason: failure.message }
  if (isUnresumed(status, failure)) {
    const reason = `it could not go on with its thread (${failure.message}); another attempt begins anew`
    return { ...same, state: 'queued', reason }
  }
  const tries = status.tries + 1
  if (!failure.retryable)
    return { ...same, lost: 0, tries, state: 'failed', reason: `${failure.class}: ${failure.message}` }
  if (tries >= status.settings.attempts) {
    const spent =
      status.settings.attempts === 1 ? 'the one attempt is' : `all ${status.settings.attempts} attempts are`
    return {
      ...same,
      lost: 0,
      tries,
      state: 'failed',
      reason: `${spent} spent; the last: ${failure.message}`,
    }
  }
  return {
    state: 'queued',
    tries,
    lost: 0,
    reason: `again after ${failure.class}: ${failure.message}`,
    not_before: providers.includes(failure.class) ? (failure.retry_at ?? pause(tries, now)) : null,
  }
}

/** The attempt was to go on with the worker's thread, and that did not even start. The next one does not try to. */
const isUnresumed = (status: Status, failure: TaskFailure): boolean =>
  failure.class === 'start-failed' && status.resume !== null

/** The failure that the next attempt is told of: being stopped, lost or interrupted teaches it nothing. */
export function lessonOf(status: Status, failure: TaskFailure): TaskFailure | null {
  const empty = ['stopped', 'lost', 'interrupted'].includes(failure.class) || isUnresumed(status, failure)
  return empty ? status.failure : failure
}

function pause(tries: number, now: Date): string {
  const wait = Math.min(longestPause, firstPause * 2 ** (tries - 1))
  return new Date(now.getTime() + wait).toISOString()
}
