/** Heavy commands of a task: written down when they end in their turn, and summed up when the attempt ends. */
import { errno, Failure } from '../kit/errors.ts'
import { cut, oneLine, plural } from '../kit/text.ts'
import { markerName } from '../rules/environment.ts'
import { findTask } from '../state/paths.ts'
import type { Witness } from '../state/schema/witness.ts'
import type { Task } from '../state/tasks.ts'
import { readWitnesses, recordWitness } from '../state/witnesses.ts'
import { trail } from './advance.ts'
import { type Context, now } from './context.ts'

export interface WitnessedRun {
  readonly command: readonly string[]
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly seconds: number
  /** For its turn. */
  readonly waitedSeconds: number
}

/** Set by the shim and by the hook, so that it is known who made a command take the lock. */
const byName = 'DIRIGENT_BUILD_BY'

/** Called by `build` when its command has ended; does nothing outside of a task. Never fails a build. */
export function witness(context: Context, run: WitnessedRun): void {
  const attempt = attemptAround(context)
  if (!attempt) return
  const by = process.env[byName]
  try {
    recordWitness(attempt, {
      at: now(),
      command: oneLine(run.command.join(' '), 500),
      exit_code: run.exitCode,
      signal: run.signal,
      seconds: toMilliseconds(run.seconds),
      waited_seconds: toMilliseconds(run.waitedSeconds),
      by: by === 'shim' || by === 'hook' ? by : 'worker',
    })
  } catch (error) {
    // The command has its exit code already; a note that cannot be written must not change it.
    if (!(error instanceof Failure) && errno(error) === undefined) throw error
  }
}

/** What the clock says beyond that is noise. */
const toMilliseconds = (seconds: number): number => Math.round(seconds * 1000) / 1000

/** The attempt whose environment we are in. */
function attemptAround(context: Context) {
  const task = findTask(context.paths, process.env.DIRIGENT_TASK ?? '')
  const attempt = /#(\d{1,6})$/.exec(process.env[markerName] ?? '')?.[1]
  return task && attempt ? task.attempt(Number(attempt)) : undefined
}

const shown = 12

/** One line of the trail about what ran in its turn during the attempt; none when nothing did. */
export function tellWitnessed(context: Context, task: Task): void {
  const runs = readWitnesses(task.paths.attempt(task.status.attempt))
  if (runs.length === 0) return
  const last = runs.slice(-shown).map((run) => `${oneLine(run.command, 80)} (${verdict(run)})`)
  const earlier = runs.length > shown ? ['…'] : []
  const heavy = `${plural(runs.length, 'heavy command')} under the build lock`
  trail(context, task, 'note', cut(`${heavy}: ${[...earlier, ...last].join(', ')}`, 1500))
}

function verdict({ exit_code, signal }: Witness): string {
  return exit_code === null ? `ended by ${oneLine(signal ?? 'a signal', 20)}` : `exit ${exit_code}`
}
