/** Pieces that several files share. */
import * as z from 'zod/mini'

/** ISO 8601, UTC, milliseconds. */
export const time = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/))
export const version = z.literal(1)
export const natural = z.int().check(z.minimum(0))
export const positive = z.int().check(z.minimum(1))

export const workerKind = z.enum(['codex', 'claude', 'command'])

export const usage = z.strictObject({
  input: natural,
  cached_input: natural,
  output: natural,
  reasoning: natural,
  /** input + output */
  total: natural,
})
export type Usage = z.infer<typeof usage>

/** Why an attempt did not end well. The first group comes from the worker, the second is ours. */
export const failureClass = z.enum([
  'usage-limit',
  'rate-limit',
  'overload',
  'auth',
  'context-overflow',
  'network',
  'bad-request',
  'model-error',
  'killed',
  'crash',
  'start-failed',
  'lost',
  'setup-failed',
  'check-failed',
  'no-commit',
  'conflict',
  'bad-plan',
  'rejected',
  'stalled',
  'budget',
  'day-budget',
  'interrupted',
  'stopped',
])
export type FailureClass = z.infer<typeof failureClass>

export const failure = z.strictObject({
  class: failureClass,
  message: z.string(),
  /** Whether another attempt can help at all. */
  retryable: z.boolean(),
  /** Not before this time, when the provider said so. */
  retry_at: z.nullable(time),
  /** What the next attempt is told: a command and the tail of its output, or conflicting files. */
  detail: z.nullable(z.string()),
})
export type TaskFailure = z.infer<typeof failure>

export const noUsage: Usage = { input: 0, cached_input: 0, output: 0, reasoning: 0, total: 0 }
