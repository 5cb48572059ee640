/** What the arena and its contenders agree on. */

export interface Contender {
  readonly directory: string
  readonly name: string
  readonly way: Way
  /** Milliseconds in the lock. */
  readonly hold: number
  readonly places: number
  /** This process believes that it is so much later, milliseconds; and dates what it locks accordingly. */
  readonly skew: number
}

/** `tickets`: ours. `polling`, `back-off`: proper-lockfile as it is used most. */
export type Way = 'tickets' | 'polling' | 'back-off'

export const staleAfter = 2000

export const now = (): number => Number(process.hrtime.bigint()) / 1e6
