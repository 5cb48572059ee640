/** The front matter of a message in an inbox or outbox. Below it is the text. */
import * as z from 'zod/mini'
import { time } from './common.ts'

export const messageKind = z.enum(['question', 'answer', 'note', 'progress', 'urgent'])

export const messageFront = z.strictObject({
  id: z.string(),
  from: z.enum(['orchestrator', 'person', 'supervisor', 'worker', 'default']),
  at: time,
  kind: messageKind,
  /** An answer: the id of its question. */
  re: z.optional(z.string()),
  /** A question: what may be answered, and what is when nobody has by then. */
  options: z.optional(z.array(z.string())),
  default: z.optional(z.string()),
  by: z.optional(time),
})
export type MessageFront = z.infer<typeof messageFront>
