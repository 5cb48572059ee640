/**
 * Publishes what an attempt came to, once: `exit.json` and `result.json` are linked into place, so that of two
 * who try one succeeds, and by the owner of the task alone. What a late one would have published is put into
 * `log/stale/` and counts for nothing.
 */
import { mkdirSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod/mini'
import { errno, Failure } from '../kit/errors.ts'
import { createFileOnce, outOfTheWay, renameDurable } from '../kit/files.ts'
import { lookAt } from '../kit/read.ts'
import { checkOwner, lateness } from './owner.ts'
import { readRecord, recordText, replaceRecord } from './record.ts'
import {
  type AttemptExit,
  exit as exitSchema,
  type Result,
  result as resultSchema,
} from './schema/attempt.ts'
import type { Task } from './tasks.ts'

type What = 'exit' | 'result'

/**
 * How the worker of an attempt ended. Who found it lost goes by what was published before: a runner that saw the
 * end, and died then. Who saw it end knows better than a file that the worker could write.
 * Gives what counts. Throws `stale-epoch`.
 */
export function publishExit(task: Task, exit: AttemptExit, witnessed: boolean): AttemptExit {
  return publish(task, 'exit', exit, exitSchema, () => !witnessed)
}

/**
 * What an attempt proved, which is then the task's result. One that was published before and says the same
 * stays; one that says something else is from a runner that died before it could act on it, and is stale.
 * Gives what counts. Throws `stale-epoch`.
 */
export function publishResult(task: Task, result: Result): Result {
  const published = publish(task, 'result', result, resultSchema, isSameProof)
  replaceResult(task, published)
  return published
}

/** The task's own result.json: of its newest attempt, and of the commit that was proved last. */
export function replaceResult(task: Task, result: Result): void {
  const still = () => lateness(task) === null
  if (!replaceRecord(task.paths.result, result, { durable: true }, still)) checkOwner(task)
}

function publish<S extends z.ZodMiniType<AttemptExit | Result>>(
  task: Task,
  what: What,
  record: z.output<S>,
  schema: S,
  stays: (published: z.output<S>, record: z.output<S>) => boolean,
): z.output<S> {
  const path = task.paths.attempt(record.attempt)[what]
  refuseLate(task, what, record)
  while (!createFileOnce(path, recordText(record))) {
    // Whoever followed us may have been faster.
    refuseLate(task, what, record)
    const published = readPublished(path, schema)
    if (published && stays(published, record)) return published
    if (published) setAside(task, path, task.paths.stale(record.attempt, what, published.epoch))
    else if (lookAt(path)) outOfTheWay(path)
  }
  return record
}

/** The worker can write there: what it wrote is nothing that was published. */
function readPublished<S extends z.ZodMiniType>(path: string, schema: S): z.output<S> | undefined {
  try {
    return readRecord(path, schema)
  } catch (error) {
    if (error instanceof Failure && error.code === 'corrupt-file') return undefined
    throw error
  }
}

function refuseLate(task: Task, what: What, record: AttemptExit | Result): void {
  const late = lateness(task)
  if (!late) return
  if (makeStaleLog(task)) {
    const { attempt, epoch } = record
    createFileOnce(task.paths.stale(attempt, what, epoch), recordText(record))
  }
  throw late
}

/** Out of the current holder's way, under the name of who published it; one that is there already stays. */
function setAside(task: Task, path: string, stale: string): void {
  makeStaleLog(task)
  if (lookAt(stale)) outOfTheWay(path)
  else renameDurable(path, stale)
}

/** False when the task is not there any more: it is not made again. */
function makeStaleLog({ paths }: Task): boolean {
  const there = lookAt(paths.staleLog)
  if (there?.isDirectory()) return true
  try {
    if (there) outOfTheWay(paths.staleLog)
    mkdirSync(paths.staleLog)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}

/** When it was proved, and how long the checks took, is not what was proved. */
function isSameProof(one: Result, other: Result): boolean {
  return isDeepStrictEqual(proofOf(one), proofOf(other))
}

function proofOf({ commit, tree, base, diff, leftovers, outside, checks }: Result): unknown {
  const outcomes = checks.map(({ command, exit_code, signal }) => ({ command, exit_code, signal }))
  return { commit, tree, base, diff, leftovers, outside, outcomes }
}
