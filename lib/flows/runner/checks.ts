/** Runs a task's checks, each under the build lock, until one fails; every exit code is ours to have seen. */
import { join, relative } from 'node:path'
import { makeOwnDirectory } from '../../kit/files.ts'
import { readTail } from '../../kit/read.ts'
import { tail } from '../../kit/text.ts'
import type { Check } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Activity, Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { inspect } from '../../tools/git/changes.ts'
import { amend, trail } from '../advance.ts'
import { withBuildTurn } from '../build-turn.ts'
import { type Context, now } from '../context.ts'
import { interruption } from './attempt.ts'
import { runCommand } from './command.ts'
import type { Interrupt } from './interrupt.ts'
import { environmentOf } from './worker-environment.ts'

export interface Checked {
  readonly checks: readonly Check[]
  readonly failure: TaskFailure | null
}

/** @param round `checks` for the branch as the worker left it, `landing` for the rebased commit */
export async function runChecks(
  context: Context,
  task: Task,
  round: 'checks' | 'landing',
  interrupt: Interrupt,
): Promise<Checked> {
  const { settings, workplace } = task.status
  const checks: Check[] = []
  if (!workplace || settings.verify.length === 0) return { checks, failure: null }
  const paths = task.paths.attempt(task.status.attempt)
  const directory = round === 'checks' ? paths.checks : paths.landingChecks
  makeOwnDirectory(directory)
  const environment = await environmentOf(context, task)
  for (const [index, command] of settings.verify.entries()) {
    const log = join(directory, `${index + 1}.log`)
    const show = (kind: Activity['kind'], what: string) =>
      amend(task, { activity: { kind, what, since: now(), last_event: now() } }, { durable: false })
    const outcome = await withBuildTurn(
      context,
      {
        task: task.id,
        command,
        wait: Infinity,
        signal: interrupt.signal,
        onWait: (banner) => show('build-lock', banner),
      },
      async (turn) => {
        show('checking', command)
        return await runCommand(command, {
          cwd: workplace.worktree,
          env: { ...environment, ...turn.env },
          turn: turn.fd,
          log,
          minutes: context.config.check_minutes,
          task,
          abort: interrupt.signal,
        })
      },
    )
    if (!outcome || interrupt.signal.aborted) return { checks, failure: interruption(interrupt) }
    const check: Check = { command, ...outcome, log: relative(task.paths.directory, log) }
    checks.push(check)
    trail(context, task, 'check', `${command}: ${verdict(check)} (${check.seconds.toFixed(1)} s)`)
    if (check.exit_code !== 0) return { checks, failure: failed(check, log, round) }
  }
  const wanted = settings.change === 'branch'
  return { checks, failure: wanted ? await changedByChecks(context, workplace) : null }
}

/** What the checks proved is what they found; a file they wrote since is not what would land. */
async function changedByChecks(context: Context, workplace: Workplace): Promise<TaskFailure | null> {
  const { modified } = await inspect(context.repo, workplace)
  if (modified.length === 0) return null
  return {
    class: 'check-failed',
    message: `The checks changed files of the change itself: ${modified.slice(0, 5).join(', ')}. Commit what they write, or keep them from writing it`,
    retryable: true,
    retry_at: null,
    detail: null,
  }
}

function verdict(check: Check): string {
  if (check.timed_out) return 'timed out'
  return check.exit_code === null ? `ended by ${check.signal}` : `exit code ${check.exit_code}`
}

function failed(check: Check, log: string, round: 'checks' | 'landing'): TaskFailure {
  const where = round === 'landing' ? ' on the commit rebased for landing' : ''
  const output = tail(readTail(log, 16_384).toString(), 6000)
  return {
    class: 'check-failed',
    message: `The check \`${check.command}\` failed${where}: ${verdict(check)}`,
    retryable: true,
    retry_at: null,
    detail: output.trim() === '' ? '(it printed nothing)' : output,
  }
}
