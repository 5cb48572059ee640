/** Notes about locks: which family a directory uses, and what is on a ticket of the build lock's queue. */
import * as z from 'zod/mini'
import { lockFamilies } from '../../kit/lock.ts'
import { positive, time, version } from './common.ts'

/** `locks/family.json`: found by trying when the directory was first used. */
export const lockFamily = z.strictObject({
  version,
  family: z.enum(lockFamilies),
  /** Why the kernel's locks are not used; null when they are. */
  why: z.nullable(z.string()),
  at: time,
})

/** `<n>.ticket`: who waits for the build lock or has it. For people; never believed. */
export const ticketNote = z.strictObject({
  version,
  /** Null: a person. */
  task: z.nullable(z.string()),
  /** Main checkout of the repository whose turn it is. */
  repo: z.string(),
  command: z.string(),
  pid: positive,
  host: z.string(),
  boot: z.string(),
  asked: time,
  /** When its turn began; null while it waits. */
  began: z.nullable(time),
})
export type TicketNote = z.infer<typeof ticketNote>
