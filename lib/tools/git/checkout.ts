/**
 * The main checkout, when the base is checked out there: moved together with the branch when it is
 * clean, and left alone when it is not (moving the branch under it would make the landed change look
 * undone in it, one `git commit -a` from being undone). Changes in directories of ours stay as they are
 * and are not in the way, where the move touches none of their files.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryName } from '../../kit/files.ts'
import { lookAt, readTail } from '../../kit/read.ts'
import { git, gitList, gitTry, type Repository } from './door.ts'
import { lockInTheWay } from './in-the-way.ts'
import { checkedOut } from './locate.ts'

export type Checkout = 'elsewhere' | 'clean' | 'dirty' | 'interrupted'

/**
 * How the main checkout stands before `branch` moves to `to`. `interrupted` means that all its changes are
 * ours: an earlier move of exactly this kind was cut short.
 * @param tried such a move was begun before: a file that is gone, or holds the beginning of what it is to hold,
 *   is what a git that was killed leaves
 * @param ours directories, each with a slash at its end
 */
export async function checkoutState(
  repo: Repository,
  branch: string,
  to: string,
  tried = false,
  ours: readonly string[] = [],
): Promise<Checkout> {
  if (checkedOut(repo) !== branch) return 'elsewhere'
  const dirty = await changesInTheWay(repo, to, ours)
  if (dirty.length === 0) return 'clean'
  const wanted = await compareWith(repo, to)
  const cached = ['diff-index', '--cached', '--name-only', '-z', '--no-renames', to]
  const staged = new Set(await gitList(repo, cached))
  const isOurs = (entry: string) => {
    const path = entry.slice(3)
    if (entry[0] !== ' ' && staged.has(path)) return false
    return wanted.has.has(path) ? !wanted.differ.has(path) : lookAt(join(repo.main, path)) === undefined
  }
  const strange = dirty.filter((entry) => !isOurs(entry))
  if (strange.length === 0) return 'interrupted'
  if (!tried || strange.some((entry) => entry[0] !== ' ')) return 'dirty'
  const moving = new Set(await gitList(repo, ['diff-tree', '-r', '-z', '--name-only', 'HEAD', to]))
  for (const path of strange.map((entry) => entry.slice(3)))
    if (!moving.has(path) || !(await isCutShort(repo, to, path))) return 'dirty'
  return 'interrupted'
}

/** Is the file gone, or does it hold the beginning of what it has in the commit? Nothing is lost by writing it anew. */
async function isCutShort(repo: Repository, commit: string, path: string): Promise<boolean> {
  const there = lookAt(join(repo.main, path))
  const blob = await gitTry(repo, ['cat-file', 'blob', `${commit}:${path}`])
  if (blob.exitCode !== 0 || !there) return blob.exitCode === 0
  if (!there.isFile() || there.size > blob.stdout.length) return false
  return blob.stdout.subarray(0, there.size).equals(readTail(join(repo.main, path), there.size))
}

/** Tracked files of the main checkout with uncommitted changes that are in the way of a move to `to`. */
export async function changedInCheckout(
  repo: Repository,
  to: string,
  ours: readonly string[],
): Promise<string[]> {
  return (await changesInTheWay(repo, to, ours)).map((entry) => entry.slice(3))
}

async function changesInTheWay(repo: Repository, to: string, ours: readonly string[]): Promise<string[]> {
  const all = await trackedChanges(repo)
  const isOurs = (entry: string) => ours.some((directory) => entry.slice(3).startsWith(directory))
  if (!all.some(isOurs)) return all
  const touched = await gitList(repo, [...namesOfTree, 'HEAD', to])
  // Where a file becomes a directory, or a directory something else, git removes what is staged there, or ignored.
  const isTouched = (path: string) =>
    fileAbove(repo.main, path) !== null ||
    touched.some((other) => `${other}/`.startsWith(`${path}/`) || path.startsWith(`${other}/`))
  return all.filter((entry) => !isOurs(entry) || isTouched(entry.slice(3)))
}

const namesOfTree = ['diff-tree', '-r', '-z', '--name-only', '--no-renames']

/** As `git status` lists them: two letters, a space, the path. */
function trackedChanges(repo: Repository): Promise<string[]> {
  const what = ['--no-renames', '--untracked-files=no', '--ignore-submodules=all']
  return gitList(repo, ['status', '--porcelain=v1', '-z', ...what])
}

/**
 * Holds the files of the main checkout against a commit, by content: the checkout's own index only knows
 * the commit before. Submodules are not looked at.
 */
async function compareWith(
  repo: Repository,
  commit: string,
): Promise<{ readonly has: ReadonlySet<string>; readonly differ: ReadonlySet<string> }> {
  const index = temporaryName(join(repo.gitDir, 'index'))
  const env = { GIT_INDEX_FILE: index }
  try {
    await git(repo, ['read-tree', commit], { env })
    await gitTry(repo, ['update-index', '-q', '--refresh'], { env, timeout: 600_000 })
    const has = await gitList(repo, ['ls-files', '-z'], { env })
    const differ = await gitList(repo, ['diff-files', '-z', '--name-only', '--ignore-submodules=all'], {
      env,
    })
    return { has: new Set(has), differ: new Set(differ) }
  } finally {
    rmSync(index, { force: true })
  }
}

/**
 * Moves the files of the main checkout from `from` to `to`. Refuses, changing nothing, when an untracked
 * file is in the way; returns what git said, or null.
 * @param resume `checkoutState` found it `interrupted`
 * @param tried such a move was begun before, as there
 */
export async function moveCheckout(
  repo: Repository,
  from: string,
  to: string,
  resume: boolean,
  tried = false,
): Promise<string | null> {
  if (resume) return await finishMove(repo, from, to, tried)
  const move = ['read-tree', '-m', '-u', from, to]
  const first = await gitTry(repo, move, { timeout: 600_000 })
  if (first.exitCode === 0) return null
  // Somebody is at work in it; git has waited for them already.
  if (lockInTheWay(first.stderr)) return first.stderr.trim()
  // A file that was touched and is the same looks changed until the index has looked again.
  await gitTry(repo, ['update-index', '-q', '--refresh'])
  const second = await gitTry(repo, move, { timeout: 600_000 })
  if (second.exitCode === 0) return null
  // A move that only adds files, cut short, looks clean: its files are untracked, and just what is wanted.
  const there = await arrived(repo, from, to, tried)
  return there.same > 0 && there.other.length === 0
    ? await finishMove(repo, from, to, tried)
    : second.stderr.trim()
}

/** For a move of ours that was cut short; an index.lock that it left is the door's to wait for and remove. */
async function finishMove(
  repo: Repository,
  from: string,
  to: string,
  tried: boolean,
): Promise<string | null> {
  const { other } = await arrived(repo, from, to, tried)
  // --reset overwrites untracked files without a word, and changes beside the move.
  if (other.length > 0) return `untracked files are in the way: ${other.slice(0, 5).join(', ')}`
  const moving = new Set(await gitList(repo, [...namesOfTree, from, to]))
  const beside = (await trackedChanges(repo))
    .map((entry) => entry.slice(3))
    .filter((path) => !moving.has(path))
  // They are no matter where all files had been moved, and only the branch had not.
  const how = beside.length > 0 ? ['-m', '-u', from, to] : ['--reset', '-u', to]
  const result = await gitTry(repo, ['read-tree', ...how], { timeout: 600_000 })
  if (result.exitCode === 0) return null
  return beside.length > 0
    ? `an earlier landing was cut short in it; commit or stash first: ${beside.slice(0, 5).join(', ')}`
    : result.stderr.trim()
}

/** What stands already where `to` adds a file: how many are that very file, and which are something else. */
async function arrived(
  repo: Repository,
  from: string,
  to: string,
  tried: boolean,
): Promise<{ readonly same: number; readonly other: readonly string[] }> {
  const added = await gitList(repo, [...namesOfTree, '--diff-filter=A', from, to])
  const deleted = new Set(await gitList(repo, [...namesOfTree, '--diff-filter=D', from, to]))
  const { differ } = await compareWith(repo, to)
  const there = added.filter((path) => lookAt(join(repo.main, path)))
  const other: string[] = []
  for (const path of there)
    if (differ.has(path) && !(tried && (await isCutShort(repo, to, path)))) other.push(path)
  const blocked = added
    .map((path) => fileAbove(repo.main, path))
    .filter((path) => path !== null && !deleted.has(path))
  return { same: there.length - other.length, other: [...other, ...new Set(blocked)].map(String) }
}

/** The parent directory of `path` that is a file instead, or null. */
function fileAbove(main: string, path: string): string | null {
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    const stat = lookAt(join(main, parent))
    if (stat) return stat.isDirectory() ? null : parent
  }
  return null
}

/** Other worktrees, of a person's making, that have the branch checked out: names in .git/worktrees/. */
export function worktreesOn(repo: Repository, branch: string): string[] {
  const directory = join(repo.gitDir, 'worktrees')
  if (!existsSync(directory)) return []
  return readdirSync(directory).filter((name) => {
    const head = readTail(join(directory, name, 'HEAD'), 4096)
      .toString()
      .trim()
    return head === `ref: refs/heads/${branch}`
  })
}

/** How long the log of the main checkout's HEAD is; -1 when there is none. */
export function headLogSize(repo: Repository): number {
  const log = lookAt(headLog(repo))
  return log?.isFile() ? log.size : -1
}

const headLog = (repo: Repository): string => join(repo.gitDir, 'logs', 'HEAD')

/**
 * Was `commit` made in the main checkout (a commit, pull or merge by its owner) since its HEAD's log was
 * `since` bytes long? The log says so: moving the branch from a worktree does not write there. Null when
 * there is no such log to ask.
 */
export function madeInMainCheckout(repo: Repository, commit: string, since: number): boolean | null {
  const size = headLogSize(repo)
  if (size < 0) return null
  const lines = readTail(headLog(repo), Math.max(0, size - Math.max(0, since)))
    .toString()
    .split('\n')
  return lines.some((line) => line.split(' ', 2)[1] === commit)
}
