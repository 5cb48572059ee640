/** The front matter of `spec.md`. Defaults come from the configuration. */
import * as z from 'zod/mini'
import { positive, workerKind } from './common.ts'

const text = z.string().check(z.minLength(1), z.maxLength(2000))
const list = z.array(text).check(z.maxLength(100))

export const front = z.strictObject({
  title: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  needs: z.optional(list),
  verify: z.optional(list),
  paths: z.optional(list),
  worker: z.optional(workerKind),
  model: z.optional(text),
  effort: z.optional(text),
  attempts: z.optional(positive.check(z.maximum(100))),
  budget: z.optional(
    z.strictObject({
      minutes: z.optional(z.number().check(z.positive())),
      tokens: z.optional(positive),
    }),
  ),
  priority: z.optional(z.int()),
  tags: z.optional(list),
  change: z.optional(z.enum(['branch', 'none'])),
  base: z.optional(text),
})
export type Front = z.infer<typeof front>
