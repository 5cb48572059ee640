/**
 * Starts a process that outlives us: its own session, no terminal, output to a file, the caller's
 * working directory left behind. It inherits exactly the descriptors it is given.
 */
import { closeSync, constants } from 'node:fs'
import { diskFailure, openOwn } from './files.ts'
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
  const log = openLog(options.log)
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

/** Opened by name for each process: a FIFO in its place would block us. */
function openLog(path: string): number {
  try {
    return openOwn(path, constants.O_WRONLY | constants.O_APPEND)
  } catch (error) {
    throw diskFailure(error, path)
  }
}
