/** What follows an attempt that did not end well. Pure. */
import type { FailureClass, TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'

/**
 * Lost this often in a row (machine, our crash, kill -9), a task is not taken up again: a person is asked.
 * Such attempts do not count as tries, so this is what bounds them.
 */
export const mostLost = 5
/** The same for those that a limit of the provider ended: some four hours where it does not say how long. */
const mostLimited = 20
/** The same for those that were begun for messages alone: a worker can write to itself, and does not know when to stop. */
export const mostMailed = 50

interface Rule {
  /** What the attempt counts as. `limit` and a loss (which is counted when it is taken up) are bounded by themselves. */
  readonly counts: 'try' | 'limit' | 'nothing'
  /**
   * What the task waits for before the next: `nothing`; `growing`, its own pause, longer each time; `soon`, a shorter
   * one, from the second time on; `shared`, everybody's cool-down; `stated`, what the request named.
   */
  readonly pause: 'nothing' | 'growing' | 'soon' | 'shared' | 'stated'
}

const again: Rule = { counts: 'try', pause: 'nothing' }
// Once may be chance; when it is the machine (no memory left, say), time helps it.
const soon: Rule = { counts: 'try', pause: 'soon' }
const later: Rule = { counts: 'try', pause: 'growing' }
const limited: Rule = { counts: 'limit', pause: 'shared' }
const free: Rule = { counts: 'nothing', pause: 'nothing' }

/** Those that do not help by being repeated say so themselves (`retryable`), whatever their class. */
export const rules: Readonly<Record<FailureClass, Rule>> = {
  'usage-limit': limited,
  'rate-limit': limited,
  overload: later,
  network: later,
  auth: again,
  'bad-request': again,
  // The next one begins a new thread.
  'context-overflow': again,
  'model-error': soon,
  killed: soon,
  crash: soon,
  'start-failed': soon,
  'setup-failed': soon,
  lost: free,
  'check-failed': again,
  'no-commit': again,
  conflict: again,
  'bad-plan': again,
  // A person has said what is wrong with it.
  rejected: free,
  stalled: again,
  budget: again,
  'day-budget': { counts: 'nothing', pause: 'stated' },
  interrupted: free,
  stopped: free,
}

export interface Next {
  readonly state: 'queued' | 'failed' | 'waiting' | 'cancelled'
  readonly reason: string
  readonly tries: number
  readonly lost: number
  readonly limited: number
  readonly not_before: string | null
}

/** @param cancel the stop that ended the attempt was a cancellation */
export function afterFailure(status: Status, failure: TaskFailure, cancel: boolean, now: Date): Next {
  const { tries, lost, limited } = status
  const same = { tries, lost, limited, not_before: null }
  if (failure.class === 'stopped') {
    return cancel
      ? { ...same, state: 'cancelled', reason: failure.message }
      : { ...same, state: 'waiting', reason: `${failure.message}; respawn goes on from there` }
  }
  if (isUnresumed(status, failure)) {
    const reason = `it could not go on with its thread (${failure.message}); another attempt begins anew`
    return { ...same, state: 'queued', reason }
  }
  switch (rules[failure.class].counts) {
    case 'nothing':
      if (failure.class === 'interrupted' && status.mailed + 1 >= mostMailed)
        return { ...same, state: 'failed', reason: tooMuchMail(failure.message) }
      return { ...same, state: 'queued', reason: freeReason(status, failure), not_before: failure.retry_at }
    case 'limit':
      return afterLimit(status, failure)
    case 'try':
      return afterTry(status, failure, now)
  }
}

/** @param last what the next attempt would have been begun for */
export const tooMuchMail = (last: string): string =>
  `${mostMailed} attempts in a row were begun for messages alone; the last: ${last}`

function freeReason({ attempt }: Status, failure: TaskFailure): string {
  if (failure.class !== 'lost') return failure.message
  return `attempt ${attempt} was lost (${failure.message}); starting again`
}

function afterLimit(status: Status, failure: TaskFailure): Next {
  const limited = status.limited + 1
  const next = { tries: status.tries, lost: 0, limited, not_before: null }
  if (!failure.retryable) return { ...next, state: 'failed', reason: `${failure.class}: ${failure.message}` }
  if (limited >= mostLimited) {
    const reason = `the provider's limit was met ${limited} times in a row; the last: ${failure.message}`
    return { ...next, state: 'failed', reason }
  }
  return { ...next, state: 'queued', reason: `again after ${failure.class}: ${failure.message}` }
}

function afterTry(status: Status, failure: TaskFailure, now: Date): Next {
  const tries = status.tries + 1
  const next = { tries, lost: 0, limited: 0, not_before: null }
  if (!failure.retryable) return { ...next, state: 'failed', reason: `${failure.class}: ${failure.message}` }
  const { attempts } = status.settings
  if (tries >= attempts) {
    const spent = attempts === 1 ? 'the one attempt is' : `all ${attempts} attempts are`
    return { ...next, state: 'failed', reason: `${spent} spent; the last: ${failure.message}` }
  }
  return {
    ...next,
    state: 'queued',
    reason: `again after ${failure.class}: ${failure.message}`,
    not_before: failure.retry_at ?? pauseAfter(failure, tries, now),
  }
}

/** The attempt was to go on with the worker's thread, and that did not even start. The next one does not try to. */
const isUnresumed = (status: Status, failure: TaskFailure): boolean =>
  failure.class === 'start-failed' && status.resume !== null

const notToTell: readonly FailureClass[] = [
  'stopped',
  'lost',
  'interrupted',
  'day-budget',
  'usage-limit',
  'rate-limit',
]

/** The failure that the next attempt is told of: what was not the worker's doing teaches it nothing. */
export function failureToTell(status: Status, failure: TaskFailure): TaskFailure | null {
  const empty = notToTell.includes(failure.class) || isUnresumed(status, failure)
  return empty ? status.failure : failure
}

/** Each task waits by itself, since its own end; so they do not come back all at once. */
function pauseAfter(failure: TaskFailure, tries: number, now: Date): string | null {
  switch (rules[failure.class].pause) {
    case 'growing':
      return doubled(15_000, 15 * 60_000, tries, now)
    case 'soon':
      return tries > 1 ? doubled(2000, 30_000, tries - 1, now) : null
    default:
      return null
  }
}

/** Of a cool-down whose end nobody has named, `times` in a row. */
export const coolDownEnd = (times: number, now: Date): string => doubled(15_000, 15 * 60_000, times, now)

function doubled(first: number, longest: number, times: number, now: Date): string {
  return new Date(now.getTime() + Math.min(longest, first * 2 ** (times - 1))).toISOString()
}
