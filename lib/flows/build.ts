/** Runs a command under the build lock. */
import { constants } from 'node:os'
import { ended, start } from '../kit/proc.ts'
import type { Context } from './context.ts'
import { insideTurn, withBuildTurn } from './runner/build-turn.ts'

export interface Built {
  /** The command's exit code; 128 + n when signal n ended it. Null: its turn did not come in time. */
  readonly exitCode: number | null
  readonly banner: string | null
}

/**
 * @param wait milliseconds for the lock
 * @param quiet the command's output goes to stderr: stdout is for our answer
 */
export async function build(
  context: Context,
  command: readonly string[],
  wait: number,
  quiet: boolean,
  say: (line: string) => void,
): Promise<Built> {
  // Inside a turn already: waiting for it would be waiting for ourselves.
  if (process.env[insideTurn]) return { exitCode: await runHere(command, quiet), banner: null }
  let banner: string | null = null
  const request = {
    task: process.env.DIRIGENT_TASK ?? null,
    command: command.join(' '),
    wait,
    onWait: (line: string) => {
      banner = line
      say(line)
    },
  }
  const exitCode = await withBuildTurn(context, request, () => runHere(command, quiet))
  return { exitCode: exitCode ?? null, banner }
}

async function runHere(command: readonly string[], quiet: boolean): Promise<number> {
  const [file = '', ...args] = command
  const child = await start(file, args, {
    cwd: process.cwd(),
    env: { ...process.env, [insideTurn]: '1' },
    stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'],
  })
  // Ctrl-C reaches the command by itself; what only we are sent is passed on, and its end is awaited.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => child.kill(signal))
  const { exitCode, signal } = await ended(child)
  return exitCode ?? 128 + (signal ? constants.signals[signal] : 0)
}
