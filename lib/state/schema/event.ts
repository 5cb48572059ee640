/** Lines of `log/events.jsonl` (one task) and of `events.jsonl` (the feed of all tasks). */
import * as z from 'zod/mini'
import { natural, time } from './common.ts'
import { state } from './status.ts'

export const event = z.strictObject({
  at: time,
  task: z.string(),
  type: z.enum([
    'created',
    'state',
    'attempt',
    'worker',
    'leftovers',
    'check',
    'flag',
    'kept',
    'swept',
    'stop',
    'fetch-failed',
    'message',
    'question',
    'checkpoint',
    'nudge',
    'escalation',
    'cool-down',
    'spec',
    'landed',
    'archived',
    'note',
  ]),
  attempt: natural,
  from: z.optional(state),
  to: z.optional(state),
  /** A message by the worker that is announced here: its id in the outbox; `text` is what it says. */
  outbox: z.optional(z.string()),
  /** What happened and why, for people. */
  text: z.string(),
})
export type Event = z.infer<typeof event>

/** Undefined for a line that is torn or not ours. */
export function parseEvent(line: string): Event | undefined {
  // A million lines that are none would otherwise be a million errors, each with its stack.
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined
  try {
    return event.safeParse(JSON.parse(line)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
