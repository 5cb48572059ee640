/** What a worker changed: uncommitted leftovers, snapshots before anything destructive, the diff. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryName } from '../../kit/files.ts'
import { git, gitLine, gitList, gitTry, type Place, type Repository } from './door.ts'
import { keep } from './refs.ts'
import { commitTree } from './replay.ts'

/** Paths with uncommitted changes, untracked files included, ignored ones not. */
export async function uncommitted(
  repo: Repository,
  place: Place,
  without: readonly string[] = [],
): Promise<string[]> {
  await unhide(repo, place)
  const args = [
    'status',
    '--porcelain=v1',
    '-z',
    '--no-renames',
    '--untracked-files=all',
    '--ignore-submodules=dirty',
  ]
  const entries = await gitList(repo, args, { at: place })
  return entries.map((entry) => entry.slice(3)).filter((path) => !without.includes(path))
}

/** Those of `files` that git does not ignore in the worktree. */
export async function notIgnored(
  repo: Repository,
  place: Place,
  files: readonly string[],
): Promise<string[]> {
  if (files.length === 0) return []
  const options = { at: place, input: files.join('\0') }
  const ignored = new Set(
    (await gitTry(repo, ['check-ignore', '-z', '--stdin'], options)).stdout.toString().split('\0'),
  )
  return files.filter((file) => !ignored.has(file))
}

/**
 * A worker can tell its index to overlook a file (assume-unchanged, skip-worktree): then a tree that
 * looks clean is not what the checks run on. Such an index is made anew.
 */
async function unhide(repo: Repository, place: Place): Promise<void> {
  const tagged = await gitList(repo, ['ls-files', '-v', '-z'], { at: place })
  if (!tagged.some((entry) => /^[a-zS]/.test(entry))) return
  rmSync(join(place.git_dir, 'index'), { force: true })
  await git(repo, ['read-tree', 'HEAD'], { at: place })
}

/** Commits everything uncommitted onto the worktree's HEAD. Returns the new commit. */
export async function commitAll(
  repo: Repository,
  place: Place,
  message: string,
  identity: Readonly<Record<string, string>>,
  without: readonly string[],
): Promise<string> {
  await git(repo, ['add', '--all', '--', '.', ...without.map((path) => `:(top,exclude,literal)${path}`)], {
    at: place,
  })
  const tree = await gitLine(repo, ['write-tree'], { at: place })
  const head = await gitLine(repo, ['rev-parse', 'HEAD'], { at: place })
  const commit = await commitTree(repo, tree, [head], message, identity)
  await git(repo, ['update-ref', '-m', 'dirigent: leftovers committed', 'HEAD', commit, head], { at: place })
  return commit
}

/**
 * Keeps everything in a worktree (commits, changes, untracked files) under refs/dirigent/kept/, without
 * touching the worktree or its index: an index of our own is filled by hashing every file, because the
 * worker's may hide some. Returns the ref, or null when there is nothing beside `start`.
 */
export async function snapshot(
  repo: Repository,
  place: Place,
  task: string,
  start: string,
  identity: Readonly<Record<string, string>>,
): Promise<string | null> {
  if (!existsSync(place.worktree)) return null
  const index = temporaryName(join(place.git_dir, 'index'))
  const at = { at: place, env: { GIT_INDEX_FILE: index } }
  try {
    const head = await gitLine(repo, ['rev-parse', 'HEAD'], { at: place })
    await git(repo, ['read-tree', head], at)
    await git(repo, ['add', '--all', '--', '.'], at)
    const tree = await gitLine(repo, ['write-tree'], at)
    if (tree === (await gitLine(repo, ['rev-parse', `${head}^{tree}`]))) {
      return head === start ? null : await keep(repo, task, head)
    }
    return await keep(
      repo,
      task,
      await commitTree(repo, tree, [head], `Kept from the worktree of ${task}`, identity),
    )
  } finally {
    rmSync(index, { force: true })
  }
}

export interface DiffFigures {
  readonly files: number
  readonly insertions: number
  readonly deletions: number
}

const plainDiff = ['diff', '--no-ext-diff', '--no-textconv', '--no-renames', '--ignore-submodules=dirty']

/** Changed paths and figures between two commits. */
export async function compare(
  repo: Repository,
  from: string,
  to: string,
): Promise<{ readonly paths: string[]; readonly figures: DiffFigures }> {
  const rows = await gitList(repo, [...plainDiff, '--numstat', '-z', from, to])
  const split = rows.map((row) => row.split('\t'))
  const sum = (column: number) => split.reduce((total, row) => total + (Number(row[column]) || 0), 0)
  return {
    paths: split.map((row) => row[2] ?? ''),
    figures: { files: rows.length, insertions: sum(0), deletions: sum(1) },
  }
}

/** The diff between two commits as text. */
export async function diffText(repo: Repository, from: string, to: string, stat: boolean): Promise<string> {
  return await git(repo, [...plainDiff, ...(stat ? ['--stat=100'] : []), from, to])
}

/** From a commit to a worktree as it is, untracked files included. The worktree's index stays as it is. */
export async function diffWithUntracked(
  repo: Repository,
  from: string,
  place: Place,
  stat: boolean,
): Promise<string> {
  const index = temporaryName(join(place.git_dir, 'index'))
  const at = { at: place, env: { GIT_INDEX_FILE: index } }
  try {
    await git(repo, ['read-tree', 'HEAD'], at)
    await git(repo, ['add', '--all', '--', '.'], at)
    return await git(repo, [...plainDiff, '--cached', ...(stat ? ['--stat=100'] : []), from], at)
  } finally {
    rmSync(index, { force: true })
  }
}

/** One line for each commit that the worktree's branch has and `base` has not; at most fifty. */
export async function subjects(repo: Repository, base: string, place: Place): Promise<string[]> {
  const args = ['log', '--format=%h %s', '--no-show-signature', '--max-count=50', 'HEAD', '--not', base]
  const out = await gitTry(repo, args, { at: place })
  return out.exitCode === 0
    ? out.stdout
        .toString()
        .split('\n')
        .filter((line) => line !== '')
    : []
}
