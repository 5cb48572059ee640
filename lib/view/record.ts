/** A task as the JSON contract gives it. Pure. Text that came from a worker is cleaned. */

import type { Failure } from '../kit/errors.ts'
import { clean } from '../kit/text.ts'
import type { Health } from '../rules/health.ts'
import type { Task } from '../state/tasks.ts'

/** What a row of `status` is made of; `flows/survey.ts` makes them. */
export interface RowView {
  readonly task: Task
  readonly health: Health
  readonly attention: string | null
  readonly reason: string | null
}

export function taskRecord(row: RowView): Record<string, unknown> {
  const { status, paths } = row.task
  return {
    id: status.id,
    title: clean(status.title),
    state: status.state,
    reason: row.reason === null ? null : clean(row.reason),
    health: row.health.name,
    evidence: clean(row.health.evidence),
    attention: row.attention === null ? null : clean(row.attention),
    attempt: status.attempt,
    since: status.since,
    question: status.question === null ? null : clean(status.question),
    change: status.change,
    usage: status.usage,
    minutes: status.minutes,
    flags: status.flags.map(clean),
    directory: paths.directory,
  }
}

/** A task whose files cannot be read, in the same list: it must not be overlooked. */
export function brokenRecord(broken: {
  readonly id: string
  readonly failure: Failure
}): Record<string, unknown> {
  return {
    id: broken.id,
    title: null,
    state: 'corrupt',
    reason: clean(broken.failure.message),
    health: 'corrupt',
    evidence: clean(broken.failure.hint),
    attention: clean(broken.failure.message),
    attempt: null,
    since: null,
    question: null,
    change: null,
    usage: null,
    minutes: null,
    flags: [],
    directory: null,
  }
}
