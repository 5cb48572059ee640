/**
 * Token figures. What the program reports is the total of the whole thread: it grows over a resumed
 * thread, so what one attempt cost is a difference.
 */
export interface Usage {
  /** Tokens sent, the cached ones included. */
  input: number
  cached_input: number
  /** Tokens received, the reasoning included. */
  output: number
  reasoning: number
  /** input + output, as the provider counts it. */
  total: number
}

const keys = ['input', 'cached_input', 'output', 'reasoning', 'total'] as const

export const noUsage: Usage = { input: 0, cached_input: 0, output: 0, reasoning: 0, total: 0 }

/**
 * What an attempt used, given the thread's total at its end and at its start (null: a new thread).
 * A total that went down belongs to another thread, so it counts in full.
 */
export function attemptUsage(threadTotalNow: Usage | null, threadTotalBefore: Usage | null): Usage {
  if (threadTotalNow === null) return noUsage
  if (threadTotalBefore === null || threadTotalNow.total < threadTotalBefore.total) return threadTotalNow
  return combine((key) => Math.max(0, threadTotalNow[key] - threadTotalBefore[key]))
}

export function addUsage(a: Usage, b: Usage): Usage {
  return combine((key) => a[key] + b[key])
}

/** Reads the figures as the program writes them, in events and in the session file; null when they are not there. */
export function readUsage(value: unknown): Usage | null {
  if (typeof value !== 'object' || value === null) return null
  const figures = value as Record<string, unknown>
  if (typeof figures.input_tokens !== 'number' && typeof figures.output_tokens !== 'number') return null
  const input = count(figures.input_tokens)
  const output = count(figures.output_tokens)
  return {
    input,
    cached_input: count(figures.cached_input_tokens),
    output,
    reasoning: count(figures.reasoning_output_tokens),
    total: input + output,
  }
}

function combine(of: (key: (typeof keys)[number]) => number): Usage {
  const sum = { ...noUsage }
  for (const key of keys) sum[key] = of(key)
  return sum
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
