/** `status`: attention first, one line a task, short whatever the number of tasks. Pure. */
import type { Answer } from '../kit/cli.ts'
import type { Failure } from '../kit/errors.ts'
import { duration, oneLine, table, thriftyLine } from '../kit/text.ts'
import { nextFor } from '../rules/attention.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { brokenRecord, type RowView, taskRecord } from './record.ts'

export interface ListView {
  readonly rows: readonly (RowView & { readonly underWay: boolean })[]
  readonly broken: readonly { readonly id: string; readonly failure: Failure }[]
  readonly ended: number
  readonly endedRows: readonly RowView[]
  readonly notice: string | null
}

/** An orchestrator reads this often and pays for every token: so many rows, so wide. */
const mostRows = 6
const mostRowsOfAll = 36

export function listAnswer(view: ListView, all: boolean, now: number): Answer {
  const most = all ? mostRowsOfAll : mostRows
  const lines = [
    ...view.broken.map((broken) => [
      '!',
      oneLine(broken.id, 63),
      'corrupt',
      oneLine(broken.failure.message, 100),
    ]),
    ...view.rows.map((row) => line(row, now)),
    ...(all ? view.endedRows.map((row) => line(row, now)) : []),
  ]
  const left = lines.length - most
  return {
    data: {
      tasks: [
        ...view.broken.map(brokenRecord),
        ...view.rows.map(taskRecord),
        ...view.endedRows.map(taskRecord),
      ],
      counts: counts(view),
      notice: view.notice,
    },
    text: [
      ...(view.notice ? [oneLine(view.notice, 160)] : []),
      summary(view),
      ...table(lines.slice(0, most)),
      ...(left > 0 ? [`… +${left} more${all ? '' : '; in full: dirigent status --json'}`] : []),
    ],
    next: nextOf(view),
    unbounded: true,
  }
}

function nextOf({ rows, broken }: ListView): string[] {
  const first = rows.find((row) => row.attention !== null)
  if (first) return nextFor(first.task.status)
  if (broken.length > 0) return ['dirigent doctor']
  return rows.length > 0 ? ['dirigent wait'] : []
}

function counts(view: ListView): Record<string, number> {
  const needs = view.rows.filter((row) => row.attention !== null).length + view.broken.length
  const of = (state: string) =>
    view.rows.filter((row) => row.attention === null && row.task.status.state === state).length
  return {
    need_you: needs,
    running: of('running'),
    verifying: of('verifying'),
    landing: of('landing'),
    queued: of('queued'),
    ended: view.ended,
  }
}

function summary(view: ListView): string {
  const all = Object.entries(counts(view)).filter(([, n]) => n > 0)
  const parts = all.map(([name, n]) =>
    name === 'need_you' ? (n === 1 ? '1 needs you' : `${n} need you`) : `${n} ${name}`,
  )
  return parts.length > 0 ? parts.join(' · ') : 'no tasks yet; the first: dirigent spawn --spec FILE'
}

function line(row: RowView, now: number): string[] {
  const { status } = row.task
  const mark = row.attention ? '!' : row.health.name === 'resting' ? '·' : '▸'
  const age = `${duration(now - Date.parse(status.since))}${isEnded(status) ? ' ago' : ''}`
  // Whole: an id that is cut cannot be typed. A long one leaves less room for the rest.
  const room = 52 - Math.max(0, status.id.length - 28)
  return [mark, status.id, `${status.state} ${age}`, thriftyLine(why(row), Math.max(20, room))]
}

function why(row: RowView): string {
  const { health, attention, reason } = row
  if (attention) return attention
  if (health.name === 'resting' || health.name === 'lost') return reason ?? ''
  const name = health.name === 'waiting-for-the-build-lock' ? 'build-lock' : health.name
  const word = name === 'working' ? '' : `${name.replaceAll('-', ' ')}: `
  return `${word}${health.evidence}`
}
