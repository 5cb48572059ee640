/** Runs a command when it is its turn for heavy commands. */
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { type Ended, ended, start } from '../kit/proc.ts'
import { isInsideTurn, type Turn, withBuildTurn } from './build-turn.ts'
import type { Context } from './context.ts'
import { witness } from './witness.ts'

export interface Built {
  /** The command's exit code; 128 + n when signal n ended it. Null: its turn did not come in time. */
  readonly exitCode: number | null
  readonly banner: string | null
}

/**
 * @param wait milliseconds for the lock; how long the command then takes is not limited
 * @param quiet the command's output goes to stderr: stdout is for our answer
 */
export async function build(
  context: Context,
  command: readonly string[],
  wait: number,
  quiet: boolean,
  say: (line: string) => void,
): Promise<Built> {
  const signals = listenToSignals()
  // Inside a turn already: waiting for it would be waiting for ourselves.
  if (await isInsideTurn(context, process.env))
    return { exitCode: codeOf(await runHere(command, quiet, signals, null)), banner: null }
  let banner: string | null = null
  const request = {
    task: process.env.DIRIGENT_TASK ?? null,
    command: command.join(' '),
    wait,
    signal: signals.first,
    onWait: (line: string) => {
      banner = line
      say(`waiting for the build lock: ${line}`)
    },
  }
  const exitCode = await withBuildTurn(context, request, async (turn) => {
    const began = performance.now()
    const end = await runHere(command, quiet, signals, turn)
    const seconds = (performance.now() - began) / 1000
    witness(context, { command, ...end, seconds, waitedSeconds: turn.waited / 1000 })
    return codeOf(end)
  })
  const given = signals.given()
  return { exitCode: exitCode ?? (given ? codeOf({ exitCode: null, signal: given }) : null), banner }
}

async function runHere(
  command: readonly string[],
  quiet: boolean,
  signals: Signals,
  turn: Turn | null,
): Promise<Ended> {
  const [file = '', ...args] = command
  const child = await start(file, args, {
    cwd: process.cwd(),
    env: { ...process.env, ...turn?.env },
    stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit', ...(typeof turn?.fd === 'number' ? [turn.fd] : [])],
  })
  signals.pass((signal) => child.kill(signal))
  return await ended(child)
}

const codeOf = ({ exitCode, signal }: Ended): number =>
  exitCode ?? 128 + (signal ? constants.signals[signal] : 0)

interface Signals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal
  given(): NodeJS.Signals | null
  /** From now on signals go to the command, and its end is awaited; one that came before goes there too. */
  pass(to: (signal: NodeJS.Signals) => void): void
}

/**
 * What only we are sent is passed on. Ctrl-C reaches the command by itself, if it runs yet; a second one would tell
 * many a program to leave everything as it is.
 */
function listenToSignals(): Signals {
  const fromTerminal = [0, 1, 2].some(isatty)
  const controller = new AbortController()
  let given: NodeJS.Signals | null = null
  let to: ((signal: NodeJS.Signals) => void) | null = null
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.on(signal, () => {
      given = signal
      controller.abort()
      if (signal !== 'SIGINT' || !fromTerminal) to?.(signal)
    })
  }
  return {
    first: controller.signal,
    given: () => given,
    pass(receiver) {
      to = receiver
      if (given) receiver(given)
    },
  }
}
