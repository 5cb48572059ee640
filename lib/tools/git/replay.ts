/**
 * Rebases a branch without a worktree: each commit is applied to the new base as trees, so that
 * nothing which a worker left in its worktree or its git directory takes part. Authors and messages
 * are kept, trailers added. Works from git 2.38 on.
 */
import { Failure } from '../../kit/errors.ts'
import { git, gitFailed, gitLine, gitTry, type Repository } from './door.ts'
import { treeOf } from './refs.ts'
import { withTrailers } from './trailers.ts'

interface Commit {
  readonly id: string
  readonly parents: readonly string[]
  readonly tree: string
  readonly name: string
  readonly email: string
  readonly date: string
  readonly message: string
}

export type Replayed =
  | { readonly ok: true; readonly tip: string; readonly tree: string; readonly commits: number }
  | { readonly ok: false; readonly files: readonly string[] }

export type TrailersFor = (commit: string) => readonly (readonly [string, string])[]

/**
 * Puts the commits of `onto..tip` on top of `onto`. A branch that merged something into itself is put
 * there as one commit, because its merges may hold resolutions that no single commit has.
 * @param identity committer (and fallback author) variables for git
 */
export async function replay(
  repo: Repository,
  tip: string,
  onto: string,
  trailersFor: TrailersFor,
  identity: Readonly<Record<string, string>>,
): Promise<Replayed> {
  const { commits, trees } = await commitsBetween(repo, onto, tip)
  if (commits.some((commit) => commit.parents.length !== 1))
    return await squash(repo, tip, onto, commits, trailersFor, identity)
  let head = onto
  let headTree = trees.get(onto) ?? (await treeOf(repo, onto))
  let made = 0
  for (const commit of commits) {
    const parent = commit.parents[0] ?? onto
    const parentTree = trees.get(parent) ?? (await treeOf(repo, parent))
    const applied =
      parentTree === headTree
        ? { ok: true as const, tree: commit.tree }
        : commits.length === 1
          ? // Its parent is the merge base that git finds by itself.
            await mergeTrees(repo, onto, commit.id)
          : await apply(repo, commit.id, parent, headTree, identity)
    if (!applied.ok) return applied
    // Already in the base, word for word: rebase drops it too.
    if (applied.tree === headTree && commit.tree !== parentTree) continue
    const message = withTrailers(commit.message, trailersFor(commit.id))
    head = await commitTree(repo, applied.tree, [head], message, { ...identity, ...authorOf(commit) })
    headTree = applied.tree
    made += 1
  }
  return { ok: true, tip: head, tree: headTree, commits: made }
}

async function squash(
  repo: Repository,
  tip: string,
  onto: string,
  commits: readonly Commit[],
  trailersFor: TrailersFor,
  identity: Readonly<Record<string, string>>,
): Promise<Replayed> {
  const merged = await mergeTrees(repo, onto, tip)
  if (!merged.ok) return merged
  const plain = commits.filter((commit) => commit.parents.length === 1)
  const last = plain.at(-1) ?? commits.at(-1)
  if (!last) return { ok: true, tip: onto, tree: merged.tree, commits: 0 }
  const subjects = plain.map((commit) => `* ${commit.message.split('\n')[0]}`)
  const message =
    plain.length > 1 ? `${plain[0]?.message.split('\n')[0]}\n\n${subjects.join('\n')}` : last.message
  const head = await commitTree(repo, merged.tree, [onto], withTrailers(message, trailersFor(last.id)), {
    ...identity,
    ...authorOf(last),
  })
  return { ok: true, tip: head, tree: merged.tree, commits: 1 }
}

/**
 * What `commit` changed against `parent`, applied to a tree. merge-tree finds the merge base by itself,
 * so it is given a commit of that tree whose parent is the base we mean.
 */
async function apply(
  repo: Repository,
  commit: string,
  parent: string,
  ontoTree: string,
  identity: Readonly<Record<string, string>>,
): Promise<MergedTree> {
  const standIn = await commitTree(repo, ontoTree, [parent], 'stand-in', identity)
  return await mergeTrees(repo, standIn, commit)
}

type MergedTree =
  | { readonly ok: true; readonly tree: string }
  | { readonly ok: false; readonly files: readonly string[] }

async function mergeTrees(repo: Repository, ours: string, theirs: string): Promise<MergedTree> {
  const args = ['merge-tree', '--write-tree', '--name-only', '--no-messages', '-z', ours, theirs]
  const result = await gitTry(repo, args)
  const [tree = '', ...files] = result.stdout.toString().split('\0')
  if (result.exitCode === 0) return { ok: true, tree: tree.trim() }
  if (result.exitCode === 1) return { ok: false, files: [...new Set(files.filter((file) => file !== ''))] }
  if (/usage: git merge-tree|unknown option/.test(result.stderr)) {
    throw new Failure('git-too-old', 'This git cannot merge without a worktree', {
      hint: 'Install git 2.38 or newer.',
    })
  }
  throw gitFailed(args, result, repo.main)
}

export async function commitTree(
  repo: Repository,
  tree: string,
  parents: readonly string[],
  message: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const args = ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-F', '-']
  return await gitLine(repo, args, { input: message, env })
}

interface Range {
  /** Of `onto..tip`, oldest first. */
  readonly commits: readonly Commit[]
  /** Commit → tree, for these and for the commits that they stand on. */
  readonly trees: ReadonlyMap<string, string>
}

async function commitsBetween(repo: Repository, onto: string, tip: string): Promise<Range> {
  const format = '--format=%m%n%H%n%P%n%T%n%an%n%ae%n%ad%n%B%x00'
  const order = ['--reverse', '--topo-order', '--boundary', '--date=raw', '--no-show-signature']
  const out = await git(repo, ['log', ...order, format, `${onto}..${tip}`])
  const entries = out
    .split('\0')
    .map((entry) => entry.replace(/^\n/, ''))
    .filter((entry) => entry !== '')
    .map(parseCommit)
  return {
    commits: entries.filter((entry) => !entry.boundary),
    trees: new Map(entries.map((entry) => [entry.id, entry.tree])),
  }
}

function parseCommit(entry: string): Commit & { readonly boundary: boolean } {
  const [mark, id = '', parents = '', tree = '', name = '', email = '', date = '', ...message] =
    entry.split('\n')
  const listed = parents.split(' ').filter((parent) => parent !== '')
  return { boundary: mark === '-', id, parents: listed, tree, name, email, date, message: message.join('\n') }
}

/** A worker can write what git refuses to read again: a name of punctuation alone, a date that is none. */
function authorOf(commit: Commit): Record<string, string> {
  return {
    GIT_AUTHOR_NAME: /[^\s.,:;<>"\\']/.test(commit.name) ? commit.name : 'worker',
    GIT_AUTHOR_EMAIL: commit.email,
    // With the @, a small number is not taken for a calendar date.
    ...(/^\d+ [+-]\d{4}$/.test(commit.date) ? { GIT_AUTHOR_DATE: `@${commit.date}` } : {}),
  }
}
