/**
 * Starts a process that outlives us: its own session, no terminal, output to a file, the caller's
 * working directory left behind. It inherits exactly the descriptors it is given.
 */
import { closeSync, openSync } from 'node:fs'
import { start } from './proc.ts'

/**
 * @param fds descriptors to hand down; they arrive as 3, 4, …
 * @param log file that receives stdout and stderr (appended)
 * @returns the pid of the started process
 */
export async function startDetached(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd: string
    readonly env: NodeJS.ProcessEnv
    readonly log: string
    readonly fds: readonly number[]
  },
): Promise<number> {
  const log = openSync(options.log, 'a', 0o644)
  try {
    const child = await start(file, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', log, log, ...options.fds],
      detached: true,
    })
    child.unref()
    return child.pid ?? 0
  } finally {
    closeSync(log)
  }
}
