/** The front matter of a lesson: which tasks it is for, and where it comes from. Below it is the rule. */
import * as z from 'zod/mini'
import { time } from './common.ts'

/** Of `paths` and of `tags`: how many at most, and characters of each. */
export const mostTriggers = 20
export const longestTrigger = 200

const list = z
  .array(z.string().check(z.minLength(1), z.maxLength(longestTrigger)))
  .check(z.maxLength(mostTriggers))

export const lessonFront = z.strictObject({
  /** Tasks that may change such files. */
  paths: z.optional(list),
  /** Tasks with one of these tags. */
  tags: z.optional(list),
  from: z.optional(z.enum(['person', 'orchestrator'])),
  /** The task in which it was learned. */
  task: z.optional(z.string()),
  at: z.optional(time),
  /** Why no task is told it any more. */
  retired: z.optional(z.string().check(z.minLength(1), z.maxLength(500))),
})
export type LessonFront = z.infer<typeof lessonFront>
