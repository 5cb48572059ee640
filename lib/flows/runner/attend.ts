/**
 * Watches over a running worker: copies what it does into `activity`, counts its tokens, enforces the
 * budget, and ends it when asked. Its output goes straight to files, so that it can go on when we die.
 */
import type { ChildProcess } from 'node:child_process'
import { errno, Failure } from '../../kit/errors.ts'
import { signal as send } from '../../kit/pid.ts'
import { type Ended, ended } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Activity } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { newTrack, type Track, track } from '../../tools/workers/track.ts'
import { attemptUsage, type Usage } from '../../tools/workers/usage.ts'
import type { Session, WorkerKind } from '../../tools/workers/worker.ts'
import { amend } from '../advance.ts'
import type { Context } from '../context.ts'
import { noticeMissedHooks } from '../hook-marks.ts'
import { workerOf } from '../worker.ts'
import { watchFarewell, watchQuestions } from './asking.ts'
import { watchCheckpoint } from './checkpoint-watch.ts'
import { correspond } from './correspondence.ts'
import { watchDay } from './day.ts'
import { watchOutput } from './flood.ts'
import type { Interrupt } from './interrupt.ts'
import { StreamFile } from './stream.ts'
import { usedBefore } from './thread.ts'
import { type Urgent, urgentMail } from './urgent.ts'

/** How often the stream is looked at, and how often at most status.json is written for it; milliseconds. */
const lookEvery = 200
const writeEvery = 1000

export interface Attended {
  readonly task: Task
  readonly ended: Ended
  /** The thread's total as the session file had it, for a turn that did not complete. */
  readonly usage: Usage | null
  /** Why we ended it, when we did. */
  readonly overBudget: string | null
  readonly interrupted: boolean
  /** An urgent message came: the worker is told it in another attempt. */
  readonly urgent: Urgent | null
  /** It had asked, and did not end its turn. */
  readonly overstayed: boolean
  /** It printed without end. */
  readonly flooded: boolean
}

export async function attend(
  context: Context,
  begun: Task,
  child: ChildProcess,
  interrupt: Interrupt,
): Promise<Attended> {
  const worker = workerOf(context, begun)
  const stream = new StreamFile(begun.paths.attempt(begun.status.attempt).stream, worker.events())
  const began = Date.now()
  const mail = correspond(context, begun, begun.status.worker?.started ?? begun.status.since)
  const checkpoints = watchCheckpoint(context, begun)
  let task = begun
  let now: Track = worker.atStart.reduce((state, event) => track(state, event, began), newTrack(began))
  let session: Session | null = null
  let usage: Usage | null = null
  const { resume } = task.status
  const before = worker.countsThread && resume !== null ? usedBefore(task, resume) : null
  const used = () => attemptUsage(usage ?? now.usage, before)
  let overBudget: string | null = null
  const lookAtDay = watchDay(context, begun)
  const withQuestion = watchQuestions(task)
  const lookForUrgent = urgentMail(task)
  let urgent: Urgent | null = null
  const hasOverstayed = watchFarewell(context)
  let overstayed = false
  const hasFlooded = watchOutput(task)
  let flooded = false
  /** Somebody has taken the task over. */
  let taken = false
  let wrote = 0
  let shown = ''

  const look = () => {
    for (const event of stream.read()) now = track(now, event, Date.now())
    // Where the events count the attempt, they do so while it works.
    if (now.threadId && worker.countsThread) session ??= worker.session(now.threadId)
    usage = session?.read() ?? usage
  }
  const show = () => {
    const view = JSON.stringify([now.activity.kind, now.activity.what, now.threadId])
    const due = Date.now() - wrote >= writeEvery
    if (!due || (view === shown && Date.now() - wrote < 10 * writeEvery)) return
    wrote = Date.now()
    shown = view
    const next = { activity: activityOf(now), worker: workerNow(task, now, used()) }
    unlessTaken(() => {
      task = amend(noticeMissedHooks(context, task, now), next, { durable: false })
    })
  }
  /** What cannot be written (full disk, ruined directory) must not end the watch over the worker. */
  const unlessTaken = (write: () => void) => {
    try {
      write()
    } catch (error) {
      if (error instanceof Failure && error.code === 'stale-epoch') taken = true
      if (!(error instanceof Failure) && errno(error) === undefined) throw error
    }
  }
  const hurry = () => void endWorker(child, worker, context.config.stop_grace_seconds)
  const tick = () => {
    unlessTaken(() => mail.look(now.answers))
    unlessTaken(() => {
      task = withQuestion(task)
    })
    unlessTaken(() => checkpoints.look(task))
    look()
    show()
    overBudget ??= spent(task, used(), Date.now() - began)
    lookAtDay(used().total)
    urgent ??= lookForUrgent()
    overstayed ||= hasOverstayed(task)
    unlessTaken(() => {
      flooded ||= hasFlooded()
    })
    if (overBudget || urgent || overstayed || flooded || taken || interrupt.signal.aborted) hurry()
  }
  const timer = setInterval(tick, lookEvery)
  interrupt.signal.addEventListener('abort', hurry, { once: true })
  if (interrupt.signal.aborted) hurry()
  const end = await ended(child)
  clearInterval(timer)
  interrupt.signal.removeEventListener('abort', hurry)
  look()
  unlessTaken(() => checkpoints.look(task, true))
  stream.close()
  return {
    task,
    ended: end,
    usage,
    overBudget,
    interrupted: taken || interrupt.signal.aborted,
    urgent,
    overstayed,
    flooded,
  }
}

/** SIGINT lets the worker finish its session file; SIGTERM and SIGKILL follow for one that does not react. */
export async function endWorker(
  child: ChildProcess,
  { isShell }: Pick<WorkerKind, 'isShell'>,
  graceSeconds: number,
): Promise<void> {
  if (ending.has(child)) return
  ending.add(child)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    // child.killed only says that a signal was sent; these two say that it has ended.
    if (child.exitCode !== null || child.signalCode !== null) return
    // One that was stopped hears it when it goes on.
    for (const each of [signal, 'SIGCONT'] as const)
      if (isShell && child.pid) send(-child.pid, each)
      else child.kill(each)
    await Promise.race([
      ended(child),
      new Promise((resolve) => setTimeout(resolve, graceSeconds * 1000).unref()),
    ])
  }
}

const ending = new WeakSet<ChildProcess>()

/** Which budget of the task is used up, with the tokens and milliseconds that an attempt adds; null when none. */
export function spent(task: Task, usage: Usage | null, time: number): string | null {
  const { budget } = task.status.settings
  const minutes = task.status.minutes + time / 60_000
  const tokens = task.status.usage.total + (usage?.total ?? 0)
  if (budget.minutes !== null && minutes >= budget.minutes)
    return `the budget of ${budget.minutes} minutes is spent`
  if (budget.tokens !== null && tokens >= budget.tokens)
    return `the budget of ${budget.tokens} tokens is spent (${tokens} used)`
  return null
}

export function budgetSpent(message: string): TaskFailure {
  const hint = `${message}; a larger one: respawn with a spec that says so`
  return { class: 'budget', message: hint, retryable: false, retry_at: null, detail: null }
}

function activityOf({ activity }: Track): Activity {
  return {
    kind: activity.kind,
    what: activity.what === null ? null : oneLine(activity.what, 200),
    since: new Date(activity.since).toISOString(),
    last_event: new Date(activity.last_event).toISOString(),
  }
}

function workerNow(task: Task, { threadId }: Track, usage: Usage): Task['status']['worker'] {
  const { worker } = task.status
  return worker && { ...worker, thread: threadId ?? worker.thread, tokens: usage.total }
}
