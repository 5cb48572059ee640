/** `status ID`: one task in full, still short. Pure. */
import type { Answer } from '../kit/cli.ts'
import { clean, count, cut, duration, oneLine, plural } from '../kit/text.ts'
import { nextFor } from '../rules/attention.ts'
import { isEnded } from '../rules/lifecycle.ts'
import type { AttemptExit, Check, Result } from '../state/schema/attempt.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'
import type { Task } from '../state/tasks.ts'
import { onward } from './answers.ts'
import { type MailView, mailLines, mailRecord, wordsFromWorker } from './mail.ts'
import { type PlanView, planLines, planRecord } from './plan.ts'
import { type RowView, taskRecord } from './record.ts'

export interface TaskView extends RowView {
  readonly result: Result | null
  readonly attempts: readonly AttemptExit[]
  readonly outcomes: ReadonlyMap<number, string>
  readonly mail: MailView
  /** The worker's last words, shortened; null before it had any. */
  readonly report: string | null
  /** What it planned, while that is under review. */
  readonly plan: PlanView | null
  readonly notice: string | null
}

export function taskAnswer(view: TaskView, now: number): Answer {
  const { status } = view.task
  return {
    data: {
      task: {
        ...taskRecord(view),
        settings: status.settings,
        workplace: status.workplace,
        failure: status.failure,
        paths: filesOf(view.task),
        result: view.result,
        attempts: view.attempts,
        messages: mailRecord(view.mail),
        report: view.report,
        plan: view.plan && planRecord(view.plan),
      },
      notice: view.notice,
    },
    text: text(view, now),
    next: nextOf(view),
  }
}

/** Never the command that was just typed. */
function nextOf({ task: { status }, attention }: TaskView): string[] {
  if (attention) return nextFor(status).filter((command) => command !== `dirigent status ${status.id}`)
  if (status.state === 'merged') return [`dirigent diff ${status.id} --stat`]
  return isEnded(status) ? [] : [onward]
}

function text(view: TaskView, now: number): string[] {
  const { status, paths } = view.task
  const { settings } = status
  return [
    `${status.id}: ${since(status, now)} · ${oneLine(status.title, 100)}`,
    ...field(view.attention ? 'needs you' : 'why', view.attention ?? view.reason),
    ...field('health', healthLine(view)),
    ...wordsFromWorker(view.mail, now).lines,
    ...status.flags.flatMap((flag) => field('note', flag)),
    ...field('failed', status.failure && failed(status.failure, view.attention ?? view.reason ?? '')),
    ...lines(status.failure?.detail ?? null),
    `attempt    ${status.attempt} (${status.tries} of ${settings.attempts} tries failed) · ${count(status.usage.total)} tokens · ${duration(status.minutes * 60_000)}`,
    ...view.attempts.slice(-5).map((exit) => attemptLine(exit, outcomeOf(view, exit.attempt))),
    ...(view.result?.checks ?? []).map(checkLine),
    ...diffLine(view.result),
    ...field(
      'change',
      status.change &&
        `${status.change.state}${status.change.commit ? ` ${status.change.commit.slice(0, 12)}` : ''} on ${settings.base.branch}`,
    ),
    ...field('needs', settings.needs.join(', ')),
    ...mailLines(view.mail, now),
    ...(view.plan ? planLines(view.plan) : reportLines(view)),
    `directory  ${paths.directory}`,
    ...field('worktree', status.workplace?.worktree),
  ]
}

/** `running for 3 min`, `merged 3 min ago` */
function since(status: Status, now: number): string {
  const age = duration(now - Date.parse(status.since))
  return isEnded(status) ? `${status.state} ${age} ago` : `${status.state} for ${age}`
}

/** A resting task has only its reason for evidence, and that is said already. */
function healthLine({ health }: TaskView): string | null {
  return health.name === 'resting' ? null : `${health.name.replaceAll('-', ' ')}: ${health.evidence}`
}

function field(name: string, value: string | null | undefined | false): string[] {
  return value ? [`${name.padEnd(10)} ${oneLine(value, 240)}`] : []
}

/** Where a report was wanted it is the result; elsewhere report.md has it. */
function reportLines({ report, task }: TaskView): string[] {
  if (report === null || task.status.settings.change !== 'none') return []
  const all = report.split('\n')
  const left = all.length - longestReport
  return [
    'report',
    ...all.slice(0, longestReport).map((line) => `           ${cut(line, 160)}`),
    ...(left > 0 ? [`           … +${left} lines: ${task.paths.report}`] : []),
  ]
}

const longestReport = 12

/** The end of a check's output: eight lines tell most failures. */
function lines(detail: string | null): string[] {
  if (!detail) return []
  return clean(detail)
    .trimEnd()
    .split('\n')
    .slice(-8)
    .map((line) => `           | ${cut(line, 140)}`)
}

/** The sentence is not said twice. */
const failed = ({ class: kind, message }: TaskFailure, said: string): string =>
  said.includes(message) ? kind : `${kind}: ${message}`

/** What followed a turn that was finished; without the sentence where that is the one above. */
function outcomeOf({ outcomes, task: { status } }: TaskView, attempt: number): string | undefined {
  const outcome = outcomes.get(attempt)
  if (status.failure === null) return outcome
  return outcome?.replace(`: ${status.failure.message}`, '').replace(/; the last$/, '')
}

/** @param outcome what followed a turn that was finished, where it led nowhere */
function attemptLine(exit: AttemptExit, outcome: string | undefined): string {
  const end = exit.failure
    ? `${exit.failure.class}: ${oneLine(exit.failure.message, 100)}`
    : `finished its turn${outcome === undefined ? '' : `; ${oneLine(outcome, 100)}`}`
  return `  ${exit.attempt}: ${end} · ${count(exit.usage.total)} tokens · ${duration(exit.minutes * 60_000)}`
}

function checkLine(check: Check): string {
  const how = check.timed_out ? 'timed out' : `exit ${check.exit_code ?? check.signal}`
  return `check      ${oneLine(check.command, 100)}: ${how} (${check.seconds.toFixed(1)} s, ${check.log})`
}

function diffLine(result: Result | null): string[] {
  if (!result?.diff) return []
  const { files, insertions, deletions } = result.diff
  return [`proved     ${result.commit?.slice(0, 12)}: ${plural(files, 'file')}, +${insertions} −${deletions}`]
}

function filesOf(task: Task): Record<string, string | null> {
  const { paths, status } = task
  return {
    directory: paths.directory,
    spec: paths.spec,
    status: paths.status,
    checkpoint: paths.checkpoint,
    report: paths.report,
    result: paths.result,
    trail: paths.trail,
    attempt: status.attempt > 0 ? paths.attempt(status.attempt).directory : null,
    worktree: status.workplace?.worktree ?? null,
  }
}
