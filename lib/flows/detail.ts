/** One task in full: its row, what was proved, its attempts and messages. */

import { isLocked } from '../kit/lock.ts'
import { lookAt, readHead } from '../kit/read.ts'
import { clean } from '../kit/text.ts'
import { attentionOf, isUnderWay } from '../rules/attention.ts'
import { blockedBy } from '../rules/capacity.ts'
import { aloneHealth, coolingHealth, healthOf } from '../rules/health.ts'
import { isOwned } from '../rules/lifecycle.ts'
import { readTrail } from '../state/journal.ts'
import { messagesIn, outboxOf, read } from '../state/mailbox.ts'
import type { Message } from '../state/message-file.ts'
import { track } from '../state/receipts.ts'
import { readRecord } from '../state/record.ts'
import { type AttemptExit, exit, type Result, result } from '../state/schema/attempt.ts'
import { attemptsUpTo } from '../state/shape.ts'
import { listTasks, loadTask, type Task } from '../state/tasks.ts'
import type { PlanView } from '../view/plan.ts'
import { waitingForBuild } from './build-line.ts'
import type { Context } from './context.ts'
import { holdOf } from './hold.ts'
import { hooksWork } from './hook-marks.ts'
import { needStates } from './needs.ts'
import { shownPlan } from './plan.ts'
import { settleIfWritable } from './settle.ts'
import { standsStill } from './supervise/signs.ts'
import type { Row } from './survey.ts'
import { isAlone } from './survivors.ts'

/** The messages of a task in both directions. */
export interface Mail extends ReturnType<typeof track> {
  readonly unread: readonly Message[]
  readonly read: readonly Message[]
  /** All that nobody has read. */
  readonly waiting: number
  /** The worker is told what is queued in the middle of its turn; null: perhaps. */
  readonly hooks: boolean | null
}

export interface Detail extends Row {
  readonly result: Result | null
  readonly attempts: readonly AttemptExit[]
  /** What became of an attempt after its worker's turn: of those that led nowhere. */
  readonly outcomes: ReadonlyMap<number, string>
  readonly mail: Mail
  /** The worker's last words, shortened; null before it had any. */
  readonly report: string | null
  /** What it planned, while that is under review. */
  readonly plan: PlanView | null
  readonly notice: string | null
}

export async function detail(context: Context, id: string): Promise<Detail> {
  const asked = loadTask(context.paths, id)
  const seen = await settleIfWritable(context)
  const lost = seen.lost.find((task) => task.id === id)
  const task = lost ?? loadTask(context.paths, asked.id)
  const live = listTasks(context.paths).tasks
  const needState = needStates(context, live)
  const blocked = task.status.state === 'queued' ? blockedBy(task.status, new Date(), needState) : null
  const hold = task.status.state === 'queued' && blocked === null ? holdOf(context, live)(task.status) : null
  const alive = isOwned(task.status) && !lost && (await isLocked(task.paths.runLock))
  const turn = (await waitingForBuild(context)).get(id) ?? null
  const still = standsStill(task, Date.now())
  const known = healthOf(task.status, alive || !isOwned(task.status), Date.now(), turn, still)
  const observed = alive && isAlone(task) ? aloneHealth(known) : known
  const health = hold?.health ? coolingHealth(hold.health) : observed
  const attempts: AttemptExit[] = []
  for (const n of attemptsUpTo(task.paths, task.status.attempt)) {
    const ended = readRecord(task.paths.attempt(n).exit, exit)
    if (ended) attempts.push(ended)
  }
  return {
    task,
    health,
    attention: attentionOf(task.status, needState),
    underWay: isUnderWay(task.status, needState),
    reason: blocked ?? hold?.why ?? task.status.reason,
    result: readRecord(task.paths.result, result) ?? null,
    attempts,
    outcomes: outcomesOf(task),
    mail: mailOf(context, task),
    report: reportOf(task),
    plan: task.status.state === 'review' && task.status.settings.plan ? await shownPlan(context, task) : null,
    notice: seen.notice,
  }
}

/** By the trail: checks that failed, a landing that did not fit. */
function outcomesOf(task: Task): ReadonlyMap<number, string> {
  const { events } = readTrail(task.paths, 200)
  return new Map(
    events
      .filter(
        ({ from, to }) =>
          (from === 'verifying' || from === 'landing') && (to === 'queued' || to === 'failed'),
      )
      .map(({ attempt, text }) => [attempt, text]),
  )
}

/** How many of the newest are shown. */
const mostMail = 20

function mailOf(context: Context, task: Task): Mail {
  const { paths, status } = task
  const box = outboxOf(paths)
  return {
    ...track(paths, status.attempt, mostMail),
    unread: read(box.unread, box.from, (all) => all.slice(0, mostMail)),
    read: read(box.seen, box.from, (all) => all.slice(-5)),
    waiting: messagesIn(box.unread).length,
    hooks: hooksWork(context, task),
  }
}

const mostOfReport = 4000

function reportOf(task: Task): string | null {
  const bytes = lookAt(task.paths.report)?.isFile() ? readHead(task.paths.report, mostOfReport) : null
  return bytes === null ? null : clean(bytes.toString()).trim()
}
