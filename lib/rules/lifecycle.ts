/** The one table of what may follow what. Pure. */
import { Failure } from '../kit/errors.ts'
import type { State, Status } from '../state/schema/status.ts'

const table: Readonly<Record<State, readonly State[]>> = {
  queued: ['running', 'waiting', 'failed', 'cancelled'],
  running: ['verifying', 'queued', 'waiting', 'failed', 'cancelled'],
  waiting: ['queued', 'cancelled'],
  verifying: ['review', 'landing', 'done', 'queued', 'waiting', 'failed', 'cancelled'],
  review: ['landing', 'done', 'queued', 'waiting', 'cancelled'],
  landing: ['merged', 'review', 'queued', 'waiting', 'failed', 'cancelled'],
  failed: ['queued', 'waiting', 'cancelled'],
  merged: [],
  done: [],
  cancelled: [],
}

/** States in which a runner owns the task: a free run.lock under them means that it was lost. */
const owned: readonly State[] = ['running', 'verifying', 'landing']

export const isOwned = (status: Status): boolean =>
  owned.includes(status.state) && !(status.state === 'landing' && isBlockedLanding(status))

/** A landing that waits for a person (the main checkout is in the way) has no runner. */
export const isBlockedLanding = (status: Status): boolean =>
  status.change?.state === 'ready' && status.change.note !== null

export const isEnded = (status: Status): boolean => isLast(status.state)

/** Nothing may follow it. */
export const isLast = (state: State): boolean => table[state].length === 0

/** Throws `illegal-transition`; nothing has changed then. */
export function checkTransition(status: Status, to: State): void {
  if (table[status.state].includes(to)) return
  throw new Failure('illegal-transition', `${status.id} is ${status.state}; it cannot become ${to}`, {
    hint: isEnded(status)
      ? 'The task has ended; spawn another.'
      : `See where it stands: dirigent status ${status.id}`,
    next: [`dirigent status ${status.id}`],
  })
}
