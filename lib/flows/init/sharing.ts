/** What of it the repository has yet to be told, after `init` and after its undoing: what to commit, and from where. */
import { realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { lookAt } from '../../kit/read.ts'
import type { Repository } from '../../tools/git/door.ts'
import { ignoredAmong, uncommittedBelow } from '../../tools/git/sharing.ts'
import { trackedBelow } from '../../tools/git/worktrees.ts'

export interface Sharing {
  /** Where git is to be typed; null when that is here. */
  readonly elsewhere: string | null
  /** Paths with something in them that is not committed. */
  readonly uncommitted: readonly string[]
  /** Paths that git ignores here: they stay on this machine. */
  readonly ignored: readonly string[]
}

/** @param paths of which those count that are there */
export async function sharingOf(repo: Repository, paths: readonly string[]): Promise<Sharing> {
  const there = paths.filter((path) => lookAt(path)).map((path) => relative(repo.main, path))
  const ignored = await ignoredAmong(repo, there)
  const uncommitted = await uncommittedBelow(
    repo,
    there.filter((path) => !ignored.includes(path)),
  )
  return { elsewhere: elsewhereFrom(repo), uncommitted, ignored }
}

/** Files below these paths that are committed, or about to be: path → names. Asked before any of them goes. */
export async function sharedBelow(
  repo: Repository,
  paths: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  for (const path of paths) found.set(path, await trackedBelow(repo, relative(repo.main, path)))
  return found
}

/** @param changed paths that are still there, and others than they were */
export function afterwards(
  repo: Repository,
  shared: ReadonlyMap<string, readonly string[]>,
  changed: readonly string[],
): Sharing {
  const isOther = (name: string) => {
    const path = join(repo.main, name)
    return changed.includes(path) || !lookAt(path)
  }
  const uncommitted = [...shared]
    .filter(([, names]) => names.some(isOther))
    .map(([path]) => relative(repo.main, path))
  return { elsewhere: elsewhereFrom(repo), uncommitted, ignored: [] }
}

const elsewhereFrom = ({ main }: Repository): string | null =>
  realpathSync(process.cwd()) === realpathSync(main) ? null : main
