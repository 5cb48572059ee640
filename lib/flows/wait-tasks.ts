/** Tasks that a wait has to tell of, wherever they are by now. */
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { lookAt, namesIn } from '../kit/read.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { archiveMonths } from '../state/paths.ts'
import { listTasks, reload, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'

/** Null when there is none, or it cannot be read: then it is listed as broken. */
export function loadIfWhole(context: Context, id: string): Task | null {
  try {
    return reload(context.paths, id) ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** The last `n` to end of those that `minds` wants, by the time of their files. */
export function newestEnded(context: Context, n: number, minds: (id: string) => boolean): Task[] {
  const { paths } = context
  const live = listTasks(paths).tasks.filter((task) => isEnded(task.status) && minds(task.id))
  const archived = archiveMonths(paths).flatMap((month) =>
    namesIn(join(paths.archive, month))
      .filter(minds)
      .map((id) => ({ id, at: lookAt(paths.archived(month, id).status)?.mtimeMs ?? 0 })),
  )
  const newest = archived.sort((a, b) => b.at - a.at).slice(0, n)
  const loaded = newest.map(({ id }) => loadIfWhole(context, id)).filter((task) => task !== null)
  const all = new Map([...loaded, ...live].map((task) => [task.id, task]))
  return [...all.values()].sort((a, b) => b.status.since.localeCompare(a.status.since)).slice(0, n)
}
