/** `locks/build.json`: who has the build lock, or had it last. For people; never believed. */
import * as z from 'zod/mini'
import { positive, time, version } from './common.ts'

export const buildNote = z.strictObject({
  version,
  task: z.nullable(z.string()),
  command: z.string(),
  pid: positive,
  host: z.string(),
  since: time,
})
