/** What a worker can be seen to do, and why it can fail: the only words for it above this folder. */
import type { Usage } from './usage.ts'

export type Tool = 'command' | 'patch' | 'mcp' | 'search' | 'other'

export type FailureClass =
  | 'usage-limit'
  | 'rate-limit'
  | 'overload'
  | 'auth'
  | 'context-overflow'
  | 'network'
  | 'bad-request'
  | 'model-error'
  | 'killed'
  | 'crash'
  | 'start-failed'

export interface Cause {
  class: FailureClass
  /** Another attempt may end better with nothing changed by anyone. After a context overflow: a fresh one. */
  retryable: boolean
  /** Not before this time (ISO), when the provider named one. */
  retry_at: string | null
}

export type WorkerEvent =
  | { kind: 'thread-started'; thread: string }
  | { kind: 'turn-started' }
  | { kind: 'message'; text: string }
  | { kind: 'reasoning'; text: string }
  | { kind: 'tool-started'; id: string; tool: Tool; what: string }
  | { kind: 'tool-ended'; id: string; ok: boolean; exit: number | null }
  /** Something to know that ends nothing: a warning, or `Reconnecting... 1/5 (…)`. */
  | { kind: 'notice'; message: string }
  /** Why it can hardly do anything, for a person. */
  | { kind: 'hindered'; why: string }
  /** Of a program without events: a piece of what it printed, whose end is its last words. */
  | { kind: 'output'; text: string }
  /** What was used so far, where that is known before the end. */
  | { kind: 'used'; usage: Usage }
  /** The figures are those of the thread or of the attempt, as the kind of worker counts. */
  | { kind: 'turn-completed'; usage: Usage }
  /** `cause`: where the program says more than a sentence. */
  | { kind: 'turn-failed'; message: string; cause?: Cause }
  | { kind: 'unknown' }
