/** Runs a command that a person wrote (a check, the worktree's set-up): by /bin/sh, output to a file. */
import { closeSync, constants } from 'node:fs'
import { openOwn } from '../../kit/files.ts'
import { ended, start } from '../../kit/proc.ts'
import { signal as send, sweepMarked } from '../../kit/sweep.ts'
import { markerName } from '../../rules/environment.ts'

export interface CommandOutcome {
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly seconds: number
}

/**
 * @param minutes after which it is ended (SIGTERM to its group, then a sweep of all it started)
 * @param marker names its processes; none is left when this returns
 */
export async function runCommand(
  command: string,
  options: {
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly log: string
    readonly minutes: number
    readonly marker: string
    readonly abort: AbortSignal
  },
): Promise<CommandOutcome> {
  const began = Date.now()
  const log = openOwn(options.log, constants.O_WRONLY | constants.O_TRUNC)
  try {
    const child = await start('/bin/sh', ['-c', command], {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', log, log],
      detached: true,
    })
    let timedOut = false
    const end = () => {
      if (child.pid) send(-child.pid, 'SIGTERM')
      void sweepMarked(markerName, options.marker, 2000)
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
    await sweepMarked(markerName, options.marker, 1000)
    return { exit_code: exitCode, signal, timed_out: timedOut, seconds: (Date.now() - began) / 1000 }
  } finally {
    closeSync(log)
  }
}
