/**
 * Fills an index from a worktree. Not by `git add --all`: where a submodule entry names an embedded
 * repository, that starts git in there, under a configuration which is the worker's (its filters would run
 * on our side). Paths are kept byte by byte: not all of them are UTF-8.
 */
import { lookAt } from '../../kit/read.ts'
import { git, gitFailed, gitTry, type Place, type Repository } from './door.ts'

interface Entry {
  /** The index's and the worktree's letter of `git status --porcelain`. */
  readonly code: string
  /** Its bytes, one character each. */
  readonly path: string
}

type Env = Readonly<Record<string, string>>

/**
 * Makes the index (the worktree's own, or GIT_INDEX_FILE) agree with the worktree, but for the paths of
 * `without`, for what is ignored, and for repositories inside the worktree.
 */
export async function stage(
  repo: Repository,
  place: Place,
  without: readonly string[] = [],
  env: Env = {},
): Promise<void> {
  const skip = new Set(without.map((path) => Buffer.from(path).toString('latin1')))
  const entries = (await changed(repo, place, env)).filter((entry) => !skip.has(entry.path))
  const gone = entries.filter((entry) => isGone(place, entry))
  const here = entries.filter((entry) => !gone.includes(entry) && entry.code[1] !== ' ')
  await update(repo, place, ['--force-remove'], gone, env)
  await update(repo, place, ['--add', '--replace'], here, env)
}

async function changed(repo: Repository, place: Place, env: Env): Promise<Entry[]> {
  const what = ['--no-renames', '--untracked-files=all', '--ignore-submodules=dirty']
  const args = ['status', '--porcelain=v1', '-z', ...what]
  const result = await gitTry(repo, args, { at: place, env })
  if (result.exitCode !== 0) throw gitFailed(args, result, place.worktree)
  return result.stdout
    .toString('latin1')
    .split('\0')
    .filter((entry) => entry !== '' && !entry.endsWith('/'))
    .map((entry) => ({ code: entry.slice(0, 2), path: entry.slice(3) }))
}

async function update(
  repo: Repository,
  place: Place,
  how: readonly string[],
  entries: readonly Entry[],
  env: Env,
): Promise<void> {
  if (entries.length === 0) return
  const input = Buffer.from(entries.map((entry) => `${entry.path}\0`).join(''), 'latin1')
  await git(repo, ['update-index', ...how, '-z', '--stdin'], { at: place, env, input, timeout: 600_000 })
}

const unmerged = /U|AA|DD/

function isGone(place: Place, { code, path }: Entry): boolean {
  if (!unmerged.test(code)) return code[1] === 'D'
  const full = Buffer.concat([Buffer.from(`${place.worktree}/`), Buffer.from(path, 'latin1')])
  return lookAt(full) === undefined
}
