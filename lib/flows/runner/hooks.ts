/** The hooks beside a worker: how they are given to it. */
import { join } from 'node:path'
import { packageRoot } from '../../kit/package.ts'
import { quoted } from '../../rules/shell.ts'
import type { Task } from '../../state/tasks.ts'
import type { HookName, Hooks } from '../../tools/workers/hooks.ts'
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
