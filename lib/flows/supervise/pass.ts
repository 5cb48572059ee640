/**
 * One pass of the supervisor: settling, and then each part does what is due. What must be remembered is in files, so
 * it may be killed anywhere. Trouble in one place keeps nothing else from being done.
 */
import { diskTrouble } from '../../kit/disk.ts'
import { Failure, reasonOf } from '../../kit/errors.ts'
import { oneLine } from '../../kit/text.ts'
import type { Context } from '../context.ts'
import { waitsAfterOutage } from '../outage.ts'
import { observe, settleTasks } from '../settle.ts'
import { drift } from './drift.ts'
import { escalate } from './escalate.ts'
import type { Part } from './part.ts'
import { stalls } from './stalls.ts'
import { anyUnderWay } from './start.ts'
import { starts } from './starts.ts'

/** In this order. */
const parts: readonly Part[] = [starts, stalls, drift, escalate]

export interface Passed {
  /** One line for each thing done. */
  readonly did: readonly string[]
  /** What went wrong, by where. */
  readonly trouble: ReadonlyMap<string, string>
  /** The nearest time at which something is to be done. */
  readonly next: Date | null
  /** Nothing is under way, and nothing ahead. */
  readonly idle: boolean
}

export async function pass(context: Context): Promise<Passed> {
  const trouble = new Map<string, string>()
  const contained = async <T>(where: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      trouble.set(where, textOf(error))
      return undefined
    }
  }
  const wait = await contained('looking', async () => waitsAfterOutage(context, await observe(context)))
  if (wait) return { did: wait.did, trouble, next: wait.until, idle: false }
  const settled = await contained('settling', () => settleTasks(context))
  const seen = settled?.changed === false ? settled : await contained('looking', () => observe(context))
  if (!seen) return { did: [], trouble, next: null, idle: false }
  const did = [
    ...(settled?.lost ?? []).map(({ id }) => `${id} was lost; taken up again`),
    ...(settled?.started ?? []).map((id) => `${id} was started`),
  ]
  const times: Date[] = []
  for (const part of parts) {
    did.push(...((await contained(part.name, () => part.run(context, seen))) ?? []))
    const next = await contained(part.name, async () => (await part.next?.(context, seen)) ?? null)
    if (next) times.push(next)
  }
  for (const { id, failure } of seen.broken) trouble.set(id, oneLine(failure.message, 500))
  const next = times.sort((a, b) => a.getTime() - b.getTime())[0] ?? null
  return {
    did,
    trouble,
    next,
    idle: settled !== undefined && next === null && !anyUnderWay(context, seen.tasks),
  }
}

/** A bug of ours keeps its stack. */
function textOf(error: unknown): string {
  if (error instanceof Failure || diskTrouble(error)) return oneLine(reasonOf(error), 500)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
