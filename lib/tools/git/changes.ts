/** What a worker changed: uncommitted leftovers, snapshots before anything destructive, the diff. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { removeTree, temporaryName } from '../../kit/files.ts'
import { lookAt } from '../../kit/read.ts'
import {
  git,
  gitCut,
  gitFailed,
  gitLine,
  gitList,
  gitTry,
  isThere,
  type Place,
  type Repository,
} from './door.ts'
import { keep } from './refs.ts'
import { commitTree } from './replay.ts'
import { stage } from './stage.ts'
import { headOf } from './worktrees.ts'

/** A worktree as it is. */
export interface Inspected {
  /** The commit its HEAD names; null when it names none. */
  readonly head: string | null
  /** The branch its HEAD is on; null when detached. */
  readonly branch: string | null
  /** Paths with uncommitted changes, untracked files included, ignored ones not. */
  readonly dirty: readonly string[]
  /** Those of them that the commit has. */
  readonly modified: readonly string[]
  /** Directories that are repositories of their own: no commit of ours holds what is in them. */
  readonly embedded: readonly string[]
}

/**
 * Looks with an index of our making: a worker can tell its own to overlook a file (assume-unchanged,
 * skip-worktree, forged times), and then a tree that looks clean is not what the checks run on. The price is
 * that every file is read.
 */
export async function inspect(repo: Repository, place: Place): Promise<Inspected> {
  const at = { at: place }
  // With the lock of a git that was killed as it wrote it.
  for (const name of ['index', 'index.lock']) removeTree(join(place.git_dir, name))
  // Fails where HEAD names no commit: then every file is new.
  const read = await gitTry(repo, ['read-tree', 'HEAD'], at)
  if (read.exitCode !== 0 && (await headOf(repo, place)) !== null)
    throw gitFailed(['read-tree'], read, place.worktree)
  const [seen, listed] = await Promise.all([git(repo, statusArgs, at), gitList(repo, listArgs, at)])
  return parseStatus(seen, linksIn(place, listed))
}

const listArgs = ['ls-files', '--stage', '-z']

/** Of `160000 <id> 0\tpath`: repositories that the index names and that lie in the worktree itself. */
function linksIn(place: Place, entries: readonly string[]): string[] {
  return entries
    .filter((entry) => entry.startsWith('160000 '))
    .map((entry) => entry.slice(entry.indexOf('\t') + 1))
    .filter((path) => lookAt(join(place.worktree, path, '.git'))?.isDirectory())
}

const statusArgs = [
  'status',
  '--porcelain=v2',
  '--branch',
  '-z',
  '--no-renames',
  '--untracked-files=all',
  '--ignore-submodules=dirty',
]

function parseStatus(text: string, links: readonly string[]): Inspected {
  const entries = text.split('\0').filter((entry) => entry !== '')
  const header = (name: string) =>
    entries.find((entry) => entry.startsWith(`# ${name} `))?.slice(name.length + 3) ?? ''
  const head = header('branch.oid')
  const branch = header('branch.head')
  const paths = entries.filter((entry) => !entry.startsWith('#')).map(pathOf)
  return {
    head: /^[0-9a-f]+$/.test(head) ? head : null,
    branch: branch === '(detached)' || branch === '' ? null : branch,
    dirty: paths.filter((path) => !path.endsWith('/')),
    modified: entries.filter((entry) => !/^[#?]/.test(entry)).map(pathOf),
    embedded: [...links, ...paths.filter((path) => path.endsWith('/'))],
  }
}

/** `? path`, `1 … path` after eight fields, `u … path` after ten. */
function pathOf(entry: string): string {
  const fields = { '1': 8, u: 10 }[entry[0] ?? ''] ?? 1
  let at = 0
  for (let n = 0; n < fields; n++) at = entry.indexOf(' ', at) + 1
  return entry.slice(at)
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

/** Commits everything uncommitted onto the worktree's HEAD. Returns the new commit. */
export async function commitAll(
  repo: Repository,
  place: Place,
  message: string,
  identity: Readonly<Record<string, string>>,
  without: readonly string[],
): Promise<string> {
  await stage(repo, place, without)
  const tree = await gitLine(repo, ['write-tree'], { at: place })
  const head = await gitLine(repo, ['rev-parse', 'HEAD'], { at: place })
  const commit = await commitTree(repo, tree, [head], message, identity)
  await git(repo, ['update-ref', '-m', 'dirigent: leftovers committed', 'HEAD', commit, head], { at: place })
  return commit
}

/**
 * Keeps everything in a worktree (commits, changes, untracked files) under refs/dirigent/kept/, without
 * touching its files. Returns the ref, or null when there is nothing beside `start`.
 */
export async function snapshot(
  repo: Repository,
  place: Place,
  task: string,
  start: string,
  identity: Readonly<Record<string, string>>,
  inspected?: Inspected,
): Promise<string | null> {
  if (!isThere(place)) return null
  const seen = inspected ?? (await inspect(repo, place))
  const { dirty } = seen
  const head = seen.head ?? start
  if (dirty.length === 0) return head === start ? null : await keep(repo, task, head)
  const index = temporaryName(join(place.git_dir, 'index'))
  const at = { at: place, env: { GIT_INDEX_FILE: index } }
  try {
    await git(repo, ['read-tree', head], at)
    await stage(repo, place, [], at.env)
    const tree = await gitLine(repo, ['write-tree'], at)
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
    // A name may hold a tab itself.
    paths: split.map((row) => row.slice(2).join('\t')),
    figures: { files: rows.length, insertions: sum(0), deletions: sum(1) },
  }
}

export interface DiffText {
  readonly text: string
  /** It is longer: this is its beginning. */
  readonly cut: boolean
}

/** Bytes of a diff that anybody is given. */
const mostOfDiff = 16 * 1024 * 1024

/** The diff between two commits. */
export async function diffText(repo: Repository, from: string, to: string, stat: boolean): Promise<DiffText> {
  return await gitCut(repo, [...plainDiff, ...(stat ? ['--stat=100'] : []), from, to], { most: mostOfDiff })
}

/** From a commit to a worktree as it is, untracked files included. The worktree's index stays as it is. */
export async function diffWithUntracked(
  repo: Repository,
  from: string,
  place: Place,
  stat: boolean,
): Promise<DiffText> {
  const index = temporaryName(join(place.git_dir, 'index'))
  const at = { at: place, env: { GIT_INDEX_FILE: index } }
  try {
    await git(repo, ['read-tree', (await headOf(repo, place)) ?? from], at)
    await stage(repo, place, [], at.env)
    const args = [...plainDiff, '--cached', ...(stat ? ['--stat=100'] : []), from]
    return await gitCut(repo, args, { ...at, most: mostOfDiff })
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
