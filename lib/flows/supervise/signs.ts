/** What shows that a worker lives: its events, what it started, its worktree, what it said it waits for. */
import { join } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { newestChange } from '../../kit/newest.ts'
import { findProcess, isStopped } from '../../kit/pid.ts'
import { markedBy, pulseOf } from '../../kit/pulse.ts'
import { lookAt } from '../../kit/read.ts'
import { markerName } from '../../rules/environment.ts'
import { isOwned } from '../../rules/lifecycle.ts'
import { type Signs, stallSeen } from '../../rules/stall.ts'
import { read } from '../../state/mailbox.ts'
import { readRecord, writeRecord } from '../../state/record.ts'
import { type Vitals, vitals as vitalsSchema } from '../../state/schema/supervision.ts'
import type { Task } from '../../state/tasks.ts'
import { waitingForBuild } from '../build-line.ts'
import type { Context } from '../context.ts'
import { markOf } from '../runner/marker.ts'
import { replayStream } from '../runner/stream.ts'
import { isAlone } from '../survivors.ts'
import { workerOf } from '../worker.ts'

/** Looked at once for all workers. */
export interface Surroundings {
  readonly marked: ReadonlyMap<string, readonly number[]>
  readonly inLine: ReadonlyMap<string, string>
}

export async function lookAround(context: Context): Promise<Surroundings> {
  return { marked: markedBy(markerName), inLine: await waitingForBuild(context) }
}

/** Null for a task without a worker. */
export function signsOf(context: Context, task: Task, around: Surroundings): Signs | null {
  const { runner, worker } = task.status
  if (task.status.state !== 'running' || !runner || !worker) return null
  const mark = markOf(task)
  const pid = findProcess({ ...runner, pid: worker.pid, ticks: null })
  const heard = heardOf(context, task, worker.started)
  // As long as it starts, which a busy machine makes long, it does not only wait.
  const idle = typeof pid === 'number' && heard.kind !== 'starting' ? pid : null
  const pulse = pulseOf(mark, around.marked.get(mark.value) ?? [], idle)
  return {
    ...heard,
    cpu: pulse?.cpu ?? null,
    stopped: pulse?.stopped ?? false,
    inLine: around.inLine.has(task.id),
    waitsUntil: declaredWait(task, worker.started),
  }
}

/** Without a runner nobody writes down what its worker does. */
function heardOf(context: Context, task: Task, started: string): Pick<Signs, 'kind' | 'what' | 'heard'> {
  const { stream } = task.paths.attempt(task.status.attempt)
  const written = lookAt(stream)?.mtimeMs ?? 0
  if (isAlone(task)) {
    const { activity } = replayStream(stream, written, workerOf(context, task).events())
    return { kind: activity.kind, what: activity.what, heard: Math.max(written, Date.parse(started)) }
  }
  const { activity } = task.status
  const heard = Math.max(written, Date.parse(activity?.last_event ?? started))
  return { kind: activity?.kind ?? 'starting', what: activity?.what ?? null, heard }
}

/** So many of its latest words are looked through for the last one. */
const latestWords = 10

/** A wait that it declared is over when it says something else. */
function declaredWait(task: Task, started: string): number | null {
  const said = [task.paths.outbox, task.paths.outboxSeen].flatMap((directory) =>
    read(directory, 'worker', (names) => names.slice(-latestWords)),
  )
  const last = said
    .filter(({ kind, at }) => kind === 'progress' && at >= started)
    .sort((one, other) => one.at.localeCompare(other.at))
    .at(-1)
  const until = Date.parse(last?.by ?? '')
  return Number.isNaN(until) ? null : until
}

/** What changed last in its worktree, and by git in it; not looked for unless all else is silent, for it costs. */
export function filesOf({ status }: Task): number | null {
  if (!status.workplace) return null
  const { worktree, git_dir } = status.workplace
  return newestChange([join(git_dir, 'HEAD'), join(git_dir, 'index'), worktree])
}

/** The worker can write there: what makes no sense says nothing. */
export function readVitals({ paths, status }: Task): Vitals | null {
  try {
    return readRecord(paths.attempt(status.attempt).vitals, vitalsSchema) ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** What shows that the task, or its worker, stands still; null when nothing does. */
export function standsStill(task: Task, now: number): string | null {
  const { runner } = task.status
  const pid = isOwned(task.status) && runner ? findProcess(runner) : null
  // It keeps the lock, so nobody else may go on. Whoever did that has a reason; it is not undone for them.
  if (typeof pid === 'number' && isStopped(pid))
    return `its runner was stopped by a signal; let it go on: kill -CONT ${pid}`
  if (task.status.state !== 'running' || task.status.worker === null) return null
  return stallSeen(task.status, readVitals(task), now)
}

/** A hint: one that is lost makes the clock start anew. */
export function writeVitals({ paths, status }: Task, vitals: Vitals): void {
  writeRecord(paths.attempt(status.attempt).vitals, vitals, { durable: false })
}
