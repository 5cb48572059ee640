/**
 * The main checkout, when the base is checked out there: moved together with the branch when it is
 * clean, and left alone when it is not (moving the branch under it would make the landed change look
 * undone in it, one `git commit -a` from being undone).
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readTail } from '../../kit/files.ts'
import { git, gitList, gitTry, type Repository } from './door.ts'
import { checkedOut } from './locate.ts'

export type Checkout = 'elsewhere' | 'clean' | 'dirty' | 'interrupted'

/**
 * How the main checkout stands towards `branch` before it moves from `from` to `to`. `interrupted`
 * means that all its changes are ours: an earlier move of exactly this kind was cut short.
 */
export async function checkoutState(
  repo: Repository,
  branch: string,
  from: string,
  to: string,
): Promise<Checkout> {
  if (checkedOut(repo) !== branch) return 'elsewhere'
  const dirty = await gitList(repo, [
    'status',
    '--porcelain=v1',
    '-z',
    '--no-renames',
    '--untracked-files=no',
    '--ignore-submodules=all',
  ])
  if (dirty.length === 0) return 'clean'
  const unlike = async (commit: string) =>
    new Set(
      await gitList(repo, [
        'diff-index',
        '--name-only',
        '-z',
        '--no-renames',
        '--ignore-submodules=all',
        commit,
      ]),
    )
  const unlikeOld = await unlike(from)
  const unlikeNew = await unlike(to)
  return [...unlikeOld].some((path) => unlikeNew.has(path)) ? 'dirty' : 'interrupted'
}

/**
 * Moves the files of the main checkout from `from` to `to`. Refuses, changing nothing, when an untracked
 * file is in the way; returns what git said, or null.
 */
export async function moveCheckout(
  repo: Repository,
  from: string,
  to: string,
  resume: boolean,
): Promise<string | null> {
  await clearStaleIndexLock(repo, resume)
  const how = resume ? ['--reset', '-u', to] : ['-m', '-u', from, to]
  if (!resume) await gitTry(repo, ['update-index', '-q', '--refresh'])
  const result = await gitTry(repo, ['read-tree', ...how], { timeout: 600_000 })
  return result.exitCode === 0 ? null : result.stderr.trim()
}

/**
 * A move that was killed leaves index.lock behind. It is removed only when we know that such a move was
 * cut short and the lock has stayed for three seconds; anybody's else is left for them.
 */
async function clearStaleIndexLock(repo: Repository, ours: boolean): Promise<void> {
  const lock = join(repo.gitDir, 'index.lock')
  for (let waited = 0; existsSync(lock) && waited < 3000; waited += 100) await delay(100)
  if (ours) rmSync(lock, { force: true })
}

/** Other worktrees, of a person's making, that have the branch checked out. */
export async function worktreesOn(repo: Repository, branch: string): Promise<string[]> {
  const out = await git(repo, ['worktree', 'list', '--porcelain'])
  return out
    .split('\n\n')
    .filter(
      (entry) =>
        entry.includes(`\nbranch refs/heads/${branch}\n`) || entry.endsWith(`\nbranch refs/heads/${branch}`),
    )
    .map((entry) => /^worktree (.+)$/m.exec(entry)?.[1] ?? '')
    .filter((path) => path !== repo.main && path !== '')
}

/**
 * Was `commit` made in the main checkout (a commit, pull or merge by its owner)? Its HEAD's own log says
 * so: moving the branch from a worktree does not write there.
 */
export function madeInMainCheckout(repo: Repository, commit: string): boolean {
  const lines = readTail(join(repo.gitDir, 'logs', 'HEAD'), 8192)
    .toString()
    .trimEnd()
    .split('\n')
  return lines.at(-1)?.split(' ')[1] === commit
}
