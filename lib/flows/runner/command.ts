/** Runs a command that a person wrote (a check, the worktree's set-up): by /bin/sh, output to a file. */
import { closeSync, constants } from 'node:fs'
import { startInside } from '../../kit/cgroup.ts'
import { openOwn } from '../../kit/files.ts'
import { signal as send } from '../../kit/pid.ts'
import { ended, start } from '../../kit/proc.ts'
import type { Task } from '../../state/tasks.ts'
import { markOf, sweepOwn } from './marker.ts'

export interface CommandOutcome {
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly seconds: number
}

/**
 * @param minutes after which it is ended (SIGTERM to its group, then a sweep of all it started)
 * @param task whose attempt it is part of; nothing of that is left when this returns
 */
export async function runCommand(
  command: string,
  options: {
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly log: string
    /** Descriptor of the build turn it runs in: should we be killed, the turn lasts as long as the command. */
    readonly turn: number | null
    readonly minutes: number
    readonly task: Task
    readonly abort: AbortSignal
  },
): Promise<CommandOutcome> {
  const began = Date.now()
  const log = openOwn(options.log, constants.O_WRONLY | constants.O_TRUNC)
  try {
    const child = await startInside(markOf(options.task).cgroup, () =>
      start('/bin/sh', ['-c', command], {
        cwd: options.cwd,
        env: options.env,
        stdio: ['ignore', log, log, ...(options.turn === null ? [] : [options.turn])],
        detached: true,
      }),
    )
    let timedOut = false
    let ending: Promise<unknown> | undefined
    const end = () => {
      if (child.pid) send(-child.pid, 'SIGTERM')
      ending ??= sweepOwn(options.task, 2000)
    }
    const timer = setTimeout(() => {
      timedOut = true
      end()
    }, options.minutes * 60_000)
    options.abort.addEventListener('abort', end, { once: true })
    if (options.abort.aborted) end()
    const { exitCode, signal } = await ended(child)
    clearTimeout(timer)
    options.abort.removeEventListener('abort', end)
    await (ending ?? sweepOwn(options.task, 1000))
    return { exit_code: exitCode, signal, timed_out: timedOut, seconds: (Date.now() - began) / 1000 }
  } finally {
    closeSync(log)
  }
}
