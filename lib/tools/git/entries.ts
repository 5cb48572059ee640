/** The entries of our worktrees in the repository's git directory: which worktree each is of. Reads only. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTail } from '../../kit/read.ts'
import type { Location } from './locate.ts'

export interface Entry {
  /** The worktree's own directory inside the git directory. */
  readonly git_dir: string
  /** Where it says that its worktree is; empty when it does not say. */
  readonly worktree: string
}

export function worktreeEntries({ gitDir }: Location): Entry[] {
  const directory = join(gitDir, 'worktrees')
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const git_dir = join(directory, entry.name)
      const said = readTail(join(git_dir, 'gitdir'), 4096).toString().trim()
      return { git_dir, worktree: said === '' ? '' : dirname(said) }
    })
}

/** Is its worktree gone, or that of another entry by now? */
export function isDangling(entry: Entry): boolean {
  const said = readTail(join(entry.worktree, '.git'), 4096).toString()
  return said.trim() !== `gitdir: ${entry.git_dir}`
}

/** The commit or branch that an entry's HEAD names: `refs/heads/x`, or an object name; empty when neither. */
export function headOfEntry(entry: Entry): string {
  return readTail(join(entry.git_dir, 'HEAD'), 4096)
    .toString()
    .trim()
    .replace(/^ref: /, '')
}
