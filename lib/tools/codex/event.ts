/** What a worker can be seen to do: the only words for it above this folder. */
import type { Usage } from './usage.ts'

export type Tool = 'command' | 'patch' | 'mcp' | 'search' | 'other'

export type WorkerEvent =
  | { kind: 'thread-started'; thread: string }
  | { kind: 'turn-started' }
  | { kind: 'message'; text: string }
  | { kind: 'reasoning'; text: string }
  | { kind: 'tool-started'; id: string; tool: Tool; what: string }
  | { kind: 'tool-ended'; id: string; ok: boolean; exit: number | null }
  /** Something to know that ends nothing: a warning, or `Reconnecting... 1/5 (…)`. */
  | { kind: 'notice'; message: string }
  /** The figures are those of the whole thread, not of this turn. */
  | { kind: 'turn-completed'; usage: Usage }
  | { kind: 'turn-failed'; message: string }
  | { kind: 'unknown' }
