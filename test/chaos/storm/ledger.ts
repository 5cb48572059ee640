/** What the storm's callers were promised: the judge holds the files against it. */

export type Kind = 'plain' | 'checked' | 'twice' | 'report'

export interface Ledger {
  /** Tasks whose `spawn` was tried, by id. */
  readonly asked: Map<string, Kind>
  /** Those whose `spawn` answered with exit code 0. */
  readonly spawned: Set<string>
  /** Messages whose `send` answered with exit code 0, by their own id → the task. */
  readonly sent: Map<string, string>
  /** Message id → how many prompts it was in. */
  readonly prompted: Map<string, number>
  /** `verb: outcome` → how often. */
  readonly answers: Map<string, number>
  /** Answers that no fault excuses: not JSON, a stack trace, a task that could not be read. */
  readonly odd: string[]
}

export function newLedger(): Ledger {
  return {
    asked: new Map(),
    spawned: new Set(),
    sent: new Map(),
    prompted: new Map(),
    answers: new Map(),
    odd: [],
  }
}

export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** `12 runner, 7 git` */
export function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([key, n]) => `${n} ${key}`)
    .join(', ')
}
