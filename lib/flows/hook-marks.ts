/**
 * Whether the hooks beside a worker run: each leaves a mark the first time. Codex leaves out a hook that it does not
 * trust, or that somebody's settings replaced, and says nothing; so a missing mark is noticed while the worker works.
 */
import { lstatSync } from 'node:fs'
import type { Task } from '../state/tasks.ts'
import type { HookName } from '../tools/workers/hooks.ts'
import type { Track } from '../tools/workers/track.ts'
import type { WorkerKind } from '../tools/workers/worker.ts'
import { flag } from './advance.ts'
import type { Context } from './context.ts'
import { workerOf } from './worker.ts'

/** What is missing without it. */
const missed: Readonly<Record<HookName, string>> = {
  'pre-tool-use': 'heavy commands are only caught by the shims',
  'post-tool-use': 'messages wait for the next attempt',
  stop: 'it may leave mail unread and work uncommitted',
}

const sentence = (worker: WorkerKind, name: HookName): string =>
  `${worker.name} did not run our hook ${name}: ${missed[name]} (${worker.hooks?.whyNot})`

/** Is mail handed to the task's worker between its steps? Null: not known before its first command has ended. */
export function hooksWork(context: Context, task: Task): boolean | null {
  const worker = workerOf(context, task)
  if (task.status.state !== 'running' || worker.hooks === null) return false
  if (ran(task, 'post-tool-use')) return true
  return task.status.flags.includes(sentence(worker, 'post-tool-use')) ? false : null
}

/** Flags the hooks that should have run by now. */
export function noticeMissedHooks(context: Context, task: Task, { counts, outcome, answering }: Track): Task {
  const completed = outcome?.ended === 'completed'
  const due: Readonly<Record<HookName, boolean>> = {
    // Some announce a command before they run the hook that may change it.
    'pre-tool-use': counts.ended_commands > 0 && Object.keys(context.config.build.shim).length > 0,
    // After the last command that ended it may be yet to come, and of several side by side after each, until the model goes on.
    'post-tool-use': completed ? counts.ended_commands > 0 : counts.ended_commands > 1 && answering,
    stop: completed,
  }
  const worker = workerOf(context, task)
  return (worker.hooks?.names ?? [])
    .filter((name) => due[name] && !ran(task, name))
    .reduce((noticed, name) => flag(context, noticed, sentence(worker, name)), task)
}

function ran({ paths, status }: Task, name: HookName): boolean {
  return lstatSync(paths.attempt(status.attempt).hooked(name), { throwIfNoEntry: false }) !== undefined
}
