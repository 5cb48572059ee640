/** What stands where in the state directory, held against what should: links, FIFOs and strangers. Reads only. */
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { isTemporaryName } from '../kit/files.ts'
import { lookAt, namesIn, readBounded } from '../kit/read.ts'
import type { StatePaths, TaskPaths } from './paths.ts'
import { bodyOf, specLimit } from './spec.ts'

/** Numbers of the attempts that have a directory in the log. */
export function attemptNumbers(task: TaskPaths): number[] {
  return namesIn(task.log)
    .flatMap((name) => /^attempt-(\d{1,9})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/** Those up to `newest`, by what is there: the count in a status may be anybody's. */
export const attemptsUpTo = (task: TaskPaths, newest: number): number[] =>
  attemptNumbers(task).filter((n) => n > 0 && n <= newest)

/** What is wrong with a task's spec, and what to do; null when a worker can be told it. */
export function specProblem(task: TaskPaths): { what: string; fix: string } | null {
  try {
    const bytes = readBounded(task.spec, specLimit)
    if (bytes) bodyOf(bytes, task.spec)
    else return { what: `${task.spec} is gone`, fix: 'Bring it back: its older revisions are in log/.' }
    return null
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { what: error.message, fix: error.hint }
  }
}

/** Files where only directories of tasks belong. Hidden ones are of desktops and editors. */
export function strayFiles(paths: StatePaths): string[] {
  const months = namesIn(paths.archive).map((name) => join(paths.archive, name))
  return [paths.tasks, paths.archive, ...months]
    .flatMap((directory) => namesIn(directory).map((name) => ({ name, path: join(directory, name) })))
    .filter(({ name, path }) => !name.startsWith('.') && lookAt(path)?.isFile())
    .map(({ path }) => path)
}

export interface Foreign {
  readonly path: string
  readonly kind: 'link' | 'directory' | 'file' | 'special'
}

/** What stands under a name of ours and is something else: we would read or write elsewhere, or block. */
export function foreignIn(task: TaskPaths): Foreign[] {
  const directories = [task.inbox, task.inboxSeen, task.inboxExpired, task.outbox, task.outboxSeen, task.log]
  const files = [task.spec, task.checkpoint, task.result, task.report, task.runLock, task.stop, task.trail]
  const attempts = attemptNumbers(task).map((n) => task.attempt(n).directory)
  const found: Foreign[] = []
  const check = (path: string, wanted: 'file' | 'directory' | 'either') => {
    const kind = kindOf(path)
    const fits =
      kind === null || kind === wanted || (wanted === 'either' && /^(?:file|directory)$/.test(kind))
    if (!fits && kind !== null && !found.some((known) => known.path === path)) found.push({ path, kind })
  }
  for (const path of directories) check(path, 'directory')
  for (const path of files) check(path, 'file')
  for (const directory of [...directories, ...attempts])
    if (kindOf(directory) === 'directory')
      for (const name of namesIn(directory)) if (!isOurs(name)) check(join(directory, name), 'either')
  return found
}

/** Under these names anything may lie; they are reported as what they are. */
const isOurs = (name: string): boolean => isTemporaryName(name) || isSetAside(name)

/** Moved out of the way because it stood where something of ours belongs. */
export const isSetAside = (name: string): boolean => name.startsWith('.found-')

/** What was moved out of the way within a task's directory. */
export function setAsideIn(task: TaskPaths): string[] {
  const attempts = attemptNumbers(task).map((n) => task.attempt(n).directory)
  return [task.directory, task.inbox, task.outbox, task.log, ...attempts]
    .filter((directory) => kindOf(directory) === 'directory')
    .flatMap((directory) =>
      namesIn(directory)
        .filter(isSetAside)
        .map((name) => join(directory, name)),
    )
}

/** Beside worktrees: `<id>.found-<time>`. */
export function worktreesSetAside(paths: StatePaths): string[] {
  return namesIn(paths.worktrees)
    .filter((name) => /\.found-\d+$/.test(name))
    .map((name) => join(paths.worktrees, name))
}

/** Does it hold anything that somebody could miss? A link, a FIFO, an empty file or directory does not. */
export function holdsNothing(path: string): boolean {
  const there = lookAt(path)
  if (there?.isDirectory()) return namesIn(path).every((name) => holdsNothing(join(path, name)))
  return !there?.isFile() || there.size === 0
}

function kindOf(path: string): Foreign['kind'] | null {
  const there = lookAt(path)
  if (!there) return null
  if (there.isSymbolicLink()) return 'link'
  return there.isDirectory() ? 'directory' : there.isFile() ? 'file' : 'special'
}
