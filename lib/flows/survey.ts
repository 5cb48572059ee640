/** All tasks as they stand: settled, with health, attention and why the queued ones wait. */
import type { Failure } from '../kit/errors.ts'
import { attentionOf, isUnderWay } from '../rules/attention.ts'
import { aloneHealth, coolingHealth, type Health, healthOf } from '../rules/health.ts'
import { isEnded } from '../rules/lifecycle.ts'
import type { Status } from '../state/schema/status.ts'
import { countArchived, listArchived, listTasks, type Task } from '../state/tasks.ts'
import { waitingForBuild } from './build-line.ts'
import type { Context } from './context.ts'
import { decide } from './dispatch.ts'
import { holdOf } from './hold.ts'
import { needStates } from './needs.ts'
import { settleIfWritable } from './settle.ts'
import { standsStill } from './supervise/signs.ts'

export interface Row {
  readonly task: Task
  readonly health: Health
  /** Why it needs somebody, or null. */
  readonly attention: string | null
  readonly underWay: boolean
  /** Why a queued task waits, or the state's own reason. */
  readonly reason: string | null
}

export interface Survey {
  readonly rows: readonly Row[]
  readonly broken: readonly { readonly id: string; readonly failure: Failure }[]
  /** Ended tasks in the archive. */
  readonly ended: number
  readonly endedRows: readonly Row[]
  /** Something that kept us from settling, or null. */
  readonly notice: string | null
}

/** @param withEnded how many ended tasks to read, newest months first */
export async function survey(context: Context, withEnded = 0): Promise<Survey> {
  const seen = await settleIfWritable(context)
  const { tasks, broken } = seen.changed ? listTasks(context.paths) : seen
  const needState = needStates(context, tasks)
  const now = Date.now()
  const { blocked } = decide(context, tasks)
  const holdFor = holdOf(context, tasks)
  const turns = await waitingForBuild(context)
  const lost = new Map(seen.lost.map((task) => [task.id, task]))
  const toRow = (task: Task): Row => {
    const found = lost.get(task.id)
    // A task found lost was just taken up again; this once it is shown as it was found.
    const shown = found ?? task
    const still = standsStill(shown, now)
    const health = healthOf(shown.status, !found, now, turns.get(task.id) ?? null, still)
    const hold = task.status.state === 'queued' ? holdFor(task.status) : null
    const cools = hold?.health && blocked.get(task.id) === hold.why ? coolingHealth(hold.health) : null
    return {
      task: shown,
      health: cools ?? (seen.alone.has(task.id) && !found ? aloneHealth(health) : health),
      attention: attentionOf(task.status, needState),
      underWay: isUnderWay(task.status, needState),
      reason: found
        ? `${healthOf(found.status, false, now).evidence}; taken up again`
        : (blocked.get(task.id) ?? task.status.reason),
    }
  }
  const live = tasks.filter((task) => !isEnded(task.status))
  const justEnded = tasks.filter((task) => isEnded(task.status))
  const archived = withEnded > 0 ? listArchived(context.paths, withEnded) : { tasks: [], broken: [] }
  return {
    rows: live.map(toRow).sort(byAttention),
    broken: [...broken, ...archived.broken],
    ended: countArchived(context.paths) + justEnded.length,
    endedRows: [...justEnded, ...archived.tasks]
      .map(toRow)
      .sort((a, b) => b.task.status.since.localeCompare(a.task.status.since)),
    notice: seen.notice,
  }
}

const order: readonly Status['state'][] = [
  'failed',
  'waiting',
  'review',
  'landing',
  'verifying',
  'running',
  'queued',
]

function byAttention(a: Row, b: Row): number {
  const needs = Number(b.attention !== null) - Number(a.attention !== null)
  return (
    needs ||
    order.indexOf(a.task.status.state) - order.indexOf(b.task.status.state) ||
    a.task.id.localeCompare(b.task.id)
  )
}
