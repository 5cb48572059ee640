/** A command that a person wrote, told the news on its stdin. What it prints goes to a file. */
import { closeSync, constants } from 'node:fs'
import { openOwn } from '../../kit/files.ts'
import { signal } from '../../kit/pid.ts'
import { type Ended, ended, start } from '../../kit/proc.ts'

export interface CommandOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly news: string
  readonly log: string
}

export interface Started {
  readonly pid: number
  readonly ended: Promise<Ended>
}

/** Starts it in a session of its own: it goes on without us. */
export async function startCommand(command: string, options: CommandOptions): Promise<Started> {
  const log = openOwn(options.log, constants.O_WRONLY | constants.O_APPEND)
  try {
    const child = await start('/bin/sh', ['-c', command], {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', log, log],
      detached: true,
    })
    child.unref()
    // One that does not read what it is told is not wrong.
    child.stdin?.on('error', () => child.stdin?.destroy())
    child.stdin?.end(options.news)
    return { pid: child.pid ?? 0, ended: ended(child) }
  } finally {
    closeSync(log)
  }
}

/** Runs it to its end. @returns what went wrong, or null */
export async function tellByCommand(
  command: string,
  options: CommandOptions & { readonly limit: number },
): Promise<string | null> {
  const { pid, ended: end } = await startCommand(command, options)
  let late = false
  const timer = setTimeout(() => {
    late = true
    // It and what it started, unless that has left its group.
    signal(-pid, 'SIGKILL')
  }, options.limit)
  const outcome = await end
  clearTimeout(timer)
  return late ? `it took longer than ${options.limit / 1000} s` : problemOf(outcome)
}

/** What an end says; null when all went well. */
export function problemOf({ exitCode, signal: by }: Ended): string | null {
  if (exitCode === 0) return null
  return exitCode === null ? `it was ended by ${by}` : `it ended with exit code ${exitCode}`
}
