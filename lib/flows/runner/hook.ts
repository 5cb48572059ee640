/** The hook that looks at a worker's commands before they run: how it is given to the worker, and whether it ran. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../kit/package.ts'
import { quoted } from '../../rules/shell.ts'
import type { Task } from '../../state/tasks.ts'
import type { Track } from '../../tools/codex/track.ts'
import { flag } from '../advance.ts'
import type { Context } from '../context.ts'
import { shimSet } from './shims.ts'

/** The command line of the hook for the running attempt; null when nothing is heavy. */
export function hookOf(context: Context, task: Task): string | null {
  const set = shimSet(context)
  if (!set) return null
  const program = join(packageRoot(), 'bin', 'worker', 'hooks', 'pre-tool-use')
  const { hooked } = task.paths.attempt(task.status.attempt)
  return [program, set.directory, hooked, context.repo.main].map(quoted).join(' ')
}

/** A hook that is not trusted, or that somebody's settings replaced, is left out without a word. */
export function noticeMissedHook(context: Context, task: Task, track: Track): Task {
  if (track.counts.commands === 0 || Object.keys(context.config.build.shim).length === 0) return task
  if (lstatSync(task.paths.attempt(task.status.attempt).hooked, { throwIfNoEntry: false })) return task
  return flag(
    context,
    task,
    'codex did not run our hook for commands: heavy ones are only caught by the shims (does codex.config name hooks of its own?)',
  )
}
