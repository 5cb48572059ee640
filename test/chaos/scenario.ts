/** What a proof by faults is: it does harm for so many rounds, and says what came of it. */

/** One line of the scoreboard. */
export interface Row {
  readonly what: string
  readonly figure: string
  /** The same done another way in the same run, where there is another way. */
  readonly baseline?: string
  readonly goal: string
  readonly met: boolean
}

export interface Play {
  /** How much harm: kills, faults, files, milliseconds; each scenario says what it counts. */
  readonly rounds: number
  /** Printed, so that a failure can be played again: `npm run chaos -- NAME --seed N`. */
  readonly seed: number
  /** Narration, one line at a time. */
  readonly say: (line: string) => void
}

export interface Scenario {
  /** Chosen by it on the command line. */
  readonly name: string
  /** What one round is. */
  readonly unit: string
  /** Rounds in the tests, and in `npm run chaos`. */
  readonly short: number
  readonly long: number
  /** Why it cannot run on this machine; null when it can. */
  readonly impossible?: () => Promise<string | null> | string | null
  readonly play: (play: Play) => Promise<readonly Row[]>
}

/** Numbers in [0, 1) that the seed decides (mulberry32). */
export function randomness(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: () => number, among: readonly T[]): T {
  const found = among[Math.floor(random() * among.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

/** The value below which the given share of them lies; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/** Jain's index: 1 when everybody got the same, 1/n when one got all. */
export function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return squares === 0 ? 0 : (sum * sum) / (shares.length * squares)
}
