/** Task directories: made whole under a temporary name and renamed in, listed, loaded, archived. */
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno, Failure } from '../kit/errors.ts'
import {
  diskFailure,
  isTemporaryName,
  makeDirectory,
  makeOwnDirectory,
  outOfTheWay,
  renameDurable,
  syncDirectory,
  temporaryName,
  writeFileSynced,
} from '../kit/files.ts'
import { lookAt, namesIn } from '../kit/read.ts'
import { beginTrail } from './journal.ts'
import { archiveMonths, findTask, idPattern, type StatePaths, type TaskPaths, taskPaths } from './paths.ts'
import { readStatus } from './read-status.ts'
import type { Status } from './schema/status.ts'

export interface Task {
  readonly id: string
  readonly paths: TaskPaths
  readonly status: Status
}

/** A task whose files cannot be read; it is shown and never hides the others. */
export interface BrokenTask {
  readonly id: string
  readonly paths: TaskPaths
  readonly failure: Failure
}

/**
 * Makes the directory, its trail begun, so that it never exists half-made: when this fails, for a full disk
 * say, there is no task. False when the id is taken, live or archived.
 */
export function createTask(paths: StatePaths, status: Status, spec: string): boolean {
  if (findTask(paths, status.id)) return false
  const target = paths.task(status.id)
  const temporary = taskPaths(temporaryName(target.directory))
  try {
    for (const directory of [temporary.inboxSeen, temporary.outboxSeen, temporary.log])
      makeDirectory(directory)
    writeFileSync(temporary.runLock, '')
    // Nobody sees the directory before it is renamed in: its files are synced with it.
    writeFileSynced(temporary.spec, spec)
    writeFileSynced(temporary.status, `${JSON.stringify(status, null, 2)}\n`)
    beginTrail(paths, temporary, {
      at: status.created,
      task: status.id,
      type: 'created',
      attempt: 0,
      to: status.state,
      text: status.title,
    })
    syncDirectory(temporary.directory)
    // Renaming onto a directory with content fails, so the first of two callers with one id wins.
    renameDurable(temporary.directory, target.directory)
    return true
  } catch (error) {
    rmSync(temporary.directory, { recursive: true, force: true })
    if (errno(error) === 'ENOTEMPTY' || errno(error) === 'EEXIST') return false
    throw diskFailure(error, target.directory)
  }
}

/** The ids of live tasks, sorted; half-made directories and stray files are not tasks. */
export function liveIds(paths: StatePaths): string[] {
  if (!existsSync(paths.tasks)) return []
  return readdirSync(paths.tasks, { withFileTypes: true })
    .filter((entry) => !entry.isFile() && !isTemporaryName(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
}

/** Every live task, and beside them those whose status cannot be read. */
export function listTasks(paths: StatePaths): { tasks: Task[]; broken: BrokenTask[] } {
  const tasks: Task[] = []
  const broken: BrokenTask[] = []
  for (const id of liveIds(paths)) {
    const task = paths.task(id)
    try {
      const loaded = readTask(id, task)
      if (loaded) tasks.push(loaded)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      broken.push({ id, paths: task, failure: error })
    }
  }
  return { tasks, broken }
}

/** One task, live or archived; throws `bad-id` or `task-not-found`. */
export function loadTask(paths: StatePaths, id: string): Task {
  checkId(id)
  const task = reload(paths, id)
  if (task) return task
  throw new Failure('task-not-found', `There is no task ${id} in ${paths.root}`, {
    hint: 'See the tasks there are: dirigent status --all',
    next: ['dirigent status --all'],
  })
}

/** The status as it is in the file now; the task may have been archived meanwhile. */
export function reload(paths: StatePaths, id: string): Task | undefined {
  const where = findTask(paths, id)
  if (!where) return undefined
  const task = readTask(id, where)
  if (task) return task
  // Archived between finding and reading it; it is not moved a second time.
  const now = findTask(paths, id)
  return now && readTask(id, now)
}

function readTask(id: string, paths: TaskPaths): Task | undefined {
  const status = readStatus(paths)?.value
  if (!status) {
    // Archived between listing and reading: not damage.
    if (!existsSync(paths.directory)) return undefined
    throw new Failure('corrupt-file', `${paths.directory} has no status.json`, {
      hint: 'Move the directory away; its spec.md can be spawned again.',
    })
  }
  if (status.id !== id) {
    throw new Failure('corrupt-file', `${paths.status} belongs to ${status.id}, not to ${id}`, {
      hint: 'Rename the directory back.',
    })
  }
  return { id, paths, status }
}

/**
 * Puts the directory's shape right after a worker could write in it: what stands under a name of ours and
 * is not what it should be (a link, a FIFO, a directory) is moved out of the way, so that nothing we write
 * or read goes elsewhere. Logs of attempts that have not been are nobody's of ours.
 */
export function tidyTask(paths: TaskPaths, attempt: number): void {
  for (const path of [paths.inbox, paths.inboxSeen, paths.outbox, paths.outboxSeen, paths.log])
    makeOwnDirectory(path)
  const files = [paths.spec, paths.status, paths.checkpoint, paths.result, paths.report, paths.stop]
  const logs = readdirSync(paths.log).map((name) => join(paths.log, name))
  const ofAttempt = existsSync(paths.attempt(attempt).directory)
    ? readdirSync(paths.attempt(attempt).directory).map((name) =>
        join(paths.attempt(attempt).directory, name),
      )
    : []
  for (const path of [...files, ...logs, ...ofAttempt]) {
    const there = lookAt(path)
    const expected = files.includes(path) ? there?.isFile() : there?.isFile() || there?.isDirectory()
    const early = Number(/attempt-(\d+)$/.exec(path)?.[1] ?? 0) > attempt
    if (there && (early || !expected)) outOfTheWay(path)
  }
}

/** Moves an ended task out of tasks/, so that cost follows live work. */
export function archiveTask(paths: StatePaths, task: Task): TaskPaths {
  const target = paths.archived(task.status.since.slice(0, 7), task.id)
  makeDirectory(dirname(target.directory))
  try {
    renameSync(task.paths.directory, target.directory)
  } catch (error) {
    // Another process archived it first.
    if (errno(error) !== 'ENOENT') throw diskFailure(error, target.directory)
  }
  return target
}

/** How many tasks have ended, by directory names alone. */
export const countArchived = (paths: StatePaths): number => archivedIds(paths).length

/** Of tasks that have ended and been put away, by directory names alone. */
export function archivedIds(paths: StatePaths): string[] {
  return archiveMonths(paths).flatMap((month) => namesIn(join(paths.archive, month)))
}

/** The newest archived tasks, at most `limit`. */
export function listArchived(paths: StatePaths, limit: number): { tasks: Task[]; broken: BrokenTask[] } {
  const tasks: Task[] = []
  const broken: BrokenTask[] = []
  for (const month of archiveMonths(paths)) {
    for (const id of namesIn(join(paths.archive, month))) {
      if (tasks.length + broken.length >= limit) return { tasks, broken }
      try {
        const task = readTask(id, paths.archived(month, id))
        if (task) tasks.push(task)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        broken.push({ id, paths: paths.archived(month, id), failure: error })
      }
    }
  }
  return { tasks, broken }
}

export function checkId(id: string): void {
  if (idPattern.test(id)) return
  throw new Failure('bad-id', `${JSON.stringify(id.slice(0, 80))} is not a task id`, {
    hint: 'An id has lower-case letters, digits and dashes, begins with a letter or digit, and has at most 63 characters.',
  })
}
