/** The kind of worker that a task has, with the settings and the environment of whoever asks. */
import type { Task } from '../state/tasks.ts'
import { type KindName, workerKind } from '../tools/workers/kinds.ts'
import type { WorkerKind } from '../tools/workers/worker.ts'
import type { Context } from './context.ts'

export const workerOf = (context: Context, { status }: Pick<Task, 'status'>): WorkerKind =>
  kindOf(context, status.settings.worker)

export const kindOf = (context: Context, name: KindName): WorkerKind =>
  workerKind(name, context.config, process.env)
