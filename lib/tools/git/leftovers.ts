/**
 * What a git that was killed leaves in the repository: lock files, which stop every other git, and temporary
 * files of ours. Reads only.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errno } from '../../kit/errors.ts'
import { litterIn } from '../../kit/litter.ts'
import { seesItself } from '../../kit/pid.ts'
import { commandOf, directoryOf, openBy, pids } from '../../kit/processes.ts'
import { lookAt } from '../../kit/read.ts'
import type { Location } from './locate.ts'

/** Milliseconds; a git at work may have made and closed its lock just now. */
const young = 3000

/**
 * Lock files of this repository that no git can be at: older than a few seconds, open in no process, and no
 * git runs in the checkout or in a worktree (one that waits for its editor holds a lock without having it open; not
 * of a ref of ours, which no editor is asked for).
 * None where processes are not to be seen: there, any lock may be somebody's at work.
 * @param worktrees the directory of our worktrees
 */
export function staleLocks({ main, gitDir }: Location, worktrees: string): string[] {
  const old = locksIn(gitDir).filter(isOld)
  if (old.length === 0 || !seesItself()) return []
  const open = openBy(new Set(old))
  const busy = [main, gitDir, worktrees]
  const atWork = pids().some((pid) => isGit(pid) && isWithin(directoryOf(pid), busy))
  const own = join(gitDir, 'refs', 'dirigent')
  return old.filter((path) => !open.has(path) && (!atWork || isWithin(path, [own])))
}

export function isOld(path: string): boolean {
  const there = lookAt(path)
  return (there?.isFile() ?? false) && Date.now() - (there?.mtimeMs ?? 0) > young
}

/** Temporary files of ours beside git's own: indexes made for one look. */
export function litterOfGit({ gitDir }: Location): string[] {
  const worktrees = join(gitDir, 'worktrees')
  return [gitDir, ...entriesOf(worktrees).map((entry) => join(worktrees, entry.name))].flatMap(litterIn)
}

const isGit = (pid: number): boolean => /(?:^|\/)git(?:-[a-z-]+)?$/.test(commandOf(pid)[0] ?? '')

const isWithin = (path: string, directories: readonly string[]): boolean =>
  directories.some((directory) => path === directory || path.startsWith(`${directory}/`))

/** Whoever holds them. */
export function locksIn(gitDir: string): string[] {
  const worktrees = entriesOf(join(gitDir, 'worktrees')).map(({ name }) => join(gitDir, 'worktrees', name))
  return [
    ...[gitDir, join(gitDir, 'objects', 'info'), ...worktrees].flatMap((directory) =>
      locksDirectlyIn(directory),
    ),
    ...locksBelow(join(gitDir, 'refs')),
  ]
}

function locksDirectlyIn(directory: string): string[] {
  return entriesOf(directory)
    .filter((entry) => entry.isFile() && entry.name.endsWith('.lock'))
    .map((entry) => join(directory, entry.name))
}

function locksBelow(directory: string): string[] {
  const below = entriesOf(directory).filter((entry) => entry.isDirectory())
  return [...locksDirectlyIn(directory), ...below.flatMap((entry) => locksBelow(join(directory, entry.name)))]
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errno(error) ?? '')) return []
    throw error
  }
}
