/** Lines of `builds.jsonl`: heavy commands of one attempt that ran under the build lock. A worker can write there. */
import * as z from 'zod/mini'
import { time } from './common.ts'

export const witness = z.strictObject({
  /** When it ended. */
  at: time,
  command: z.string(),
  /** Null when a signal ended it. */
  exit_code: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  seconds: z.number(),
  /** For its turn, before that. */
  waited_seconds: z.number(),
  /** Who made it take the lock. */
  by: z.enum(['worker', 'shim', 'hook']),
})
export type Witness = z.infer<typeof witness>

/** Undefined for a line that is torn or not ours. */
export function parseWitness(line: string): Witness | undefined {
  try {
    return witness.safeParse(JSON.parse(line)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
