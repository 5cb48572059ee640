/** The end of an attempt: leftovers swept, cause classified, exit.json published once, next state decided. */
import { statSync } from 'node:fs'
import { Failure } from '../../kit/errors.ts'
import { writeFileDurable } from '../../kit/files.ts'
import { readTail } from '../../kit/read.ts'
import { clean, plural } from '../../kit/text.ts'
import { takeBack } from '../../state/messages.ts'
import { lateness } from '../../state/owner.ts'
import { publishExit } from '../../state/publish.ts'
import { readRecord } from '../../state/record.ts'
import { type AttemptExit, refs as refsSchema } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import { type Task, tidyTask } from '../../state/tasks.ts'
import { isThere } from '../../tools/git/door.ts'
import { headOf } from '../../tools/git/worktrees.ts'
import { track as follow, type Track } from '../../tools/workers/track.ts'
import { addUsage, type Usage } from '../../tools/workers/usage.ts'
import type { WorkerKind } from '../../tools/workers/worker.ts'
import { advance, flag, trail } from '../advance.ts'
import { tidyLine } from '../build-line.ts'
import type { Context } from '../context.ts'
import { noteLimits } from '../cool-down.ts'
import { noteUsed } from '../day-budget.ts'
import { noticeMissedHooks } from '../hook-marks.ts'
import { flagTexts } from '../texts.ts'
import { tellWitnessed } from '../witness.ts'
import { workerOf } from '../worker.ts'
import { keptQuestion, leftOpen, waitForAnswer } from './asking.ts'
import { budgetSpent, spent } from './attend.ts'
import { concludeMail } from './correspondence.ts'
import { fail } from './fail.ts'
import { type Before, guardRefs } from './guard.ts'
import { type Interrupt, requestFor, restartOf } from './interrupt.ts'
import { sweepOwn } from './marker.ts'
import { replayStream } from './stream.ts'
import { ownUsage, resumable, sessionUsage } from './thread.ts'
import { interrupted, urgentMail } from './urgent.ts'

export interface Ending {
  readonly started: string
  readonly ended: string
  readonly from: string | null
  /** How things were when the worker started; null when that is not known any more. */
  readonly before: Before | null
  readonly exitCode: number | null
  readonly signal: string | null
  /** The thread's total as the session file had it. */
  readonly usage: Usage | null
  /** Why we ended the worker, when we did. */
  readonly cut: TaskFailure | null
  readonly interrupt: Interrupt | null
}

export async function conclude(context: Context, task: Task, ending: Ending): Promise<Task> {
  const paths = task.paths.attempt(task.status.attempt)
  const worker = workerOf(context, task)
  const swept = await sweepOwn(task, 1000)
  await tidyLine(context)
  // Somebody else's by now: all that is left to do is to put what we saw into log/stale.
  if (!lateness(task)) makeWay(context, task, swept)
  const stderrTail = readTail(paths.stderr, 16_384).toString()
  const track = endOf(worker, paths.stream, ending, stderrTail)
  const failure = failureOf(worker, ending, track, stderrTail)
  // What nobody has read is told again: the next attempt may go on with the thread, and then gets no reminders.
  if (track.answers === 0 && !lateness(task)) takeBack(task.paths, task.status.attempt)
  const record = await exitRecord(context, task, ending, track, failure, swept)
  const exit = publishExit(task, record, ending.interrupt !== null)
  if (track.lastMessage) writeFileDurable(task.paths.report, `${clean(track.lastMessage).trim()}\n`)
  tellWitnessed(context, task)
  concludeMail(context, task, { started: ending.started, track })
  // Also of what was edited meanwhile, and told by the hooks.
  const noticed = flagTexts(context, noticeMissedHooks(context, task, track))
  const flagged = track.hindered === null ? noticed : flag(context, noticed, track.hindered)
  const guarded = ending.before ? await guardRefs(context, flagged, ending.before) : flagged
  // Counted together with the transition, so that an end concluded twice is counted once.
  const counted = {
    usage: addUsage(guarded.status.usage, exit.usage),
    minutes: guarded.status.minutes + exit.minutes,
    told_revision: track.answers > 0 ? guarded.status.spec_revision : guarded.status.told_revision,
    // Never twice for one reason: a thread that cannot be gone on with must not be tried for ever.
    resume:
      exit.failure?.class === 'interrupted'
        ? resumable(context, task, exit.thread ?? task.status.resume)
        : null,
  }
  noteUsed(context, guarded, { tokens: exit.usage.total, minutes: exit.minutes }, new Date(exit.ended))
  await noteLimits(context, guarded, exit.started, exit.failure)
  const question = leftOpen(guarded, exit)
  if (question) return waitForAnswer(context, guarded, question, exit, counted)
  const rest = { ...counted, ...keptQuestion(guarded, exit) }
  if (exit.failure) return fail(context, guarded, exit.failure, ending.interrupt, rest)
  return advance(context, guarded, 'verifying', `attempt ${exit.attempt} ended; proving it`, {
    ...rest,
    lost: 0,
    limited: 0,
    worker: null,
  })
}

/** What its events say, and its end. */
function endOf(worker: WorkerKind, stream: string, { exitCode }: Ending, stderrTail: string): Track {
  const now = Date.now()
  const said = replayStream(stream, now, worker.events())
  return worker.atEnd(exitCode, stderrTail).reduce((state, event) => follow(state, event, now), said)
}

function makeWay(context: Context, task: Task, swept: number): void {
  if (swept > 0)
    trail(context, task, 'swept', `ended what the worker had left behind: ${plural(swept, 'process')}`)
  tidyTask(task.paths, task.status.attempt)
}

/** For an attempt whose runner is gone: a completed turn counts, anything else is lost. */
export async function concludeLost(context: Context, task: Task): Promise<Task> {
  const paths = task.paths.attempt(task.status.attempt)
  const { worker, workplace } = task.status
  // Nobody saw the end; time during which nothing ran (a machine switched off) is not the worker's.
  const heard = statSync(paths.stream).mtimeMs
  const kind = workerOf(context, task)
  const track = replayStream(paths.stream, heard, kind.events())
  const started = worker?.started ?? task.status.since
  const usage = track.threadId ? sessionUsage(kind, track.threadId) : null
  const used = ownUsage(kind, task, track.threadId, track.usage ?? usage)
  const over = spent(task, used, heard - Date.parse(started))
  return await conclude(context, task, {
    started,
    ended: new Date(heard).toISOString(),
    from: workplace?.start ?? null,
    before: readBefore(paths.refs),
    exitCode: track.outcome?.ended === 'completed' ? 0 : null,
    signal: null,
    usage,
    cut: track.outcome === null ? (over ? budgetSpent(over) : whyLost(task)) : null,
    interrupt: null,
  })
}

function whyLost(task: Task): TaskFailure {
  const urgent = urgentMail(task)()
  return restartOf(requestFor(task)) ?? (urgent ? interrupted(urgent) : lost)
}

const lost: TaskFailure = {
  class: 'lost',
  message: 'neither its runner nor its worker lives',
  retryable: true,
  retry_at: null,
  detail: null,
}

/** Null for an attempt that died before it had written them down, or whose note is ruined. */
function readBefore(path: string): Before | null {
  try {
    const known = readRecord(path, refsSchema)
    return known ? { refs: new Map(Object.entries(known.refs)), head_log: known.head_log } : null
  } catch (error) {
    // The worker could write here; its attempt still has to be brought to an end.
    if (error instanceof Failure) return null
    throw error
  }
}

function failureOf(worker: WorkerKind, ending: Ending, track: Track, stderrTail: string): TaskFailure | null {
  const completed = track.outcome?.ended === 'completed'
  // All that it did not do any more was to leave.
  if (completed && ending.cut?.class === 'stalled') return null
  // Its turn was over before it could be interrupted.
  const inTime = ending.cut?.class !== 'interrupted' || !completed
  if (ending.cut && inTime) return ending.cut
  const { exitCode, signal } = ending
  const said = worker.classify({
    track,
    exitCode,
    signal,
    stderrTail,
    now: new Date(),
  })
  return said && { ...said, message: clean(said.message), detail: null }
}

async function exitRecord(
  context: Context,
  task: Task,
  ending: Ending,
  track: Track,
  failure: TaskFailure | null,
  swept: number,
): Promise<AttemptExit> {
  const { workplace, settings } = task.status
  const intact = workplace && isThere(workplace)
  return {
    version: 1,
    attempt: task.status.attempt,
    epoch: task.status.epoch,
    started: ending.started,
    ended: ending.ended,
    model: settings.model,
    thread: track.threadId,
    resumed: track.threadId !== null && track.threadId === task.status.resume,
    exit_code: ending.exitCode,
    signal: ending.signal,
    failure,
    usage: ownUsage(workerOf(context, task), task, track.threadId, track.usage ?? ending.usage),
    minutes: Math.max(0, Date.parse(ending.ended) - Date.parse(ending.started)) / 60_000,
    swept,
    from: ending.from,
    to: intact ? await headOf(context.repo, workplace) : null,
  }
}
