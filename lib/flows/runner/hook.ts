/** The hooks beside a worker: how they are given to it, and whether they ran. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../kit/package.ts'
import { quoted } from '../../rules/shell.ts'
import type { Task } from '../../state/tasks.ts'
import type { HookName, Hooks } from '../../tools/codex/hooks.ts'
import type { Track } from '../../tools/codex/track.ts'
import { flag } from '../advance.ts'
import type { Context } from '../context.ts'
import { shimSet } from './shims.ts'

/** Command lines of the hooks for the running attempt. Without heavy programs no command is looked at before it runs. */
export function hooksOf(context: Context, task: Task): Hooks {
  const { attempt, settings } = task.status
  const worker = join(packageRoot(), 'bin', 'worker')
  const set = shimSet(context)
  const line = (name: HookName, ...words: string[]) =>
    [join(worker, 'hooks', name), ...words].map(quoted).join(' ')
  // Not by the set of shims: mail has to come where nothing is heavy, too.
  const ours = [process.execPath, join(worker, 'dirigent'), task.paths.directory, task.paths.inbox]
  const mark = (name: HookName) => task.paths.attempt(attempt).hooked(name)
  return {
    ...(set && {
      'pre-tool-use': line('pre-tool-use', set.directory, mark('pre-tool-use'), context.repo.main),
    }),
    'post-tool-use': line('post-tool-use', ...ours, String(attempt), mark('post-tool-use')),
    stop: line('stop', ...ours, String(attempt), mark('stop'), settings.change),
  }
}

/** Did the hook run in the task's attempt? One that codex does not trust is left out without a word. */
export const hookRan = (task: Task, name: HookName): boolean =>
  lstatSync(task.paths.attempt(task.status.attempt).hooked(name), { throwIfNoEntry: false }) !== undefined

/** What is missing without it. */
const missed: Readonly<Record<HookName, string>> = {
  'pre-tool-use': 'heavy commands are only caught by the shims',
  'post-tool-use': 'messages wait for the next attempt',
  stop: 'uncommitted work is not asked for',
}

/** Hooks that should have run and did not: somebody's settings replaced them, or codex does not trust them. */
export function noticeMissedHooks(context: Context, task: Task, { counts, outcome }: Track): Task {
  const completed = outcome?.ended === 'completed'
  const due: Readonly<Record<HookName, boolean>> = {
    'pre-tool-use': counts.commands > 0 && Object.keys(context.config.build.shim).length > 0,
    // Of a turn that was cut off the last command may have ended without its hook.
    'post-tool-use': completed && counts.ended_commands > 0,
    stop: completed,
  }
  const names = (Object.keys(missed) as HookName[]).filter((name) => due[name] && !hookRan(task, name))
  return names.reduce(
    (noticed, name) =>
      flag(
        context,
        noticed,
        `codex did not run our hook ${name}: ${missed[name]} (does codex.config name hooks of its own?)`,
      ),
    task,
  )
}
