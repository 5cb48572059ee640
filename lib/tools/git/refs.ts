/** Branches: which is the base, what is its freshest tip, moving it by compare-and-swap, what is kept. */
import { Failure } from '../../kit/errors.ts'
import { oneLine } from '../../kit/text.ts'
import { git, gitLine, gitTry, type Repository } from './door.ts'
import { clearAway } from './in-the-way.ts'
import { checkedOut } from './locate.ts'
import { configuredRemotes } from './trusted.ts'

export interface Base {
  readonly branch: string
  /** Where its upstream is fetched from. */
  readonly remote: string | null
}

/**
 * The base that was asked for (`main`, `origin/main`), or the branch checked out.
 * Throws `base-required`, `base-not-found` or `no-commits`. Pure but for reading HEAD.
 * @param refs refs/heads and refs/remotes
 */
export function resolveBase(
  repo: Repository,
  wanted: string | null,
  refs: ReadonlyMap<string, string>,
): Base {
  const asked = wanted ?? checkedOut(repo)
  if (asked === null) {
    throw new Failure(
      'base-required',
      `${repo.main} has no branch checked out, so there is nothing to land on`,
      {
        hint: 'Name the base: `base: main` in .orchestrator-state/config.yaml or in the spec, or check a branch out.',
      },
    )
  }
  const configured = configuredRemotes(repo.trusted)
  if (refs.has(`refs/heads/${asked}`)) return { branch: asked, remote: remoteOf(refs, configured, asked) }
  const slash = asked.indexOf('/')
  if (refs.has(`refs/remotes/${asked}`) && configured.has(asked.slice(0, slash)))
    return { branch: asked.slice(slash + 1), remote: asked.slice(0, slash) }
  if (refs.size === 0) {
    throw new Failure('no-commits', `${repo.main} has no commits yet`, {
      hint: 'Commit something first: git commit --allow-empty -m start',
    })
  }
  throw new Failure('base-not-found', `There is no branch ${oneLine(asked, 80)} in ${repo.main}`, {
    hint: `Branches: ${[...refs.keys()]
      .map((name) => name.replace(/^refs\/(?:heads|remotes)\//, ''))
      .slice(0, 8)
      .join(', ')}`,
  })
}

/**
 * The remote that has a branch of this name; origin first. Only a configured one: a worker can write
 * refs/remotes/anything/main, and what that names would count as the base's fresh tip.
 */
function remoteOf(
  refs: ReadonlyMap<string, string>,
  configured: ReadonlySet<string>,
  branch: string,
): string | null {
  const remotes = [...refs.keys()]
    .filter(
      (name) =>
        name.startsWith('refs/remotes/') && name.slice(13 + name.slice(13).indexOf('/') + 1) === branch,
    )
    .map((name) => name.slice(13, name.length - branch.length - 1))
    .filter((name) => configured.has(name))
  return remotes.includes('origin') ? 'origin' : (remotes[0] ?? null)
}

/** Full name → commit. */
export async function listRefs(repo: Repository, prefixes: readonly string[]): Promise<Map<string, string>> {
  const out = await git(repo, ['for-each-ref', '--format=%(refname) %(objectname)', ...prefixes])
  return new Map(
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  )
}

/** Local and remote-tracking branches. */
export const branches = (repo: Repository): Promise<Map<string, string>> =>
  listRefs(repo, ['refs/heads', 'refs/remotes'])

const freshRef = (base: Base) => `refs/dirigent/fresh/${base.remote}/${base.branch}`

/** Brings the upstream's tip here, into a ref of ours. Returns what went wrong, or null. */
export async function fetchBase(repo: Repository, base: Base): Promise<string | null> {
  if (base.remote === null) return null
  const refspec = `+refs/heads/${base.branch}:${freshRef(base)}`
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', base.remote, refspec]
  const result = await gitTry(repo, args, { timeout: 60_000 })
  return result.exitCode === 0 ? null : oneLine(result.stderr, 300) || 'git fetch gave no answer in time'
}

export interface Tips {
  /** The local branch; null when only the upstream has it. */
  readonly local: string | null
  /** What work should stand on: the local tip, or the upstream's when that is ahead of it. */
  readonly fresh: string
  /** Set when the two have parted: the local tip is used. */
  readonly parted: boolean
}

/** Compares the local branch with what was fetched last. */
export async function baseTips(repo: Repository, base: Base): Promise<Tips> {
  return await compareTips(repo, base, await listRefs(repo, tipNames(base)))
}

/** The refs that `compareTips` looks at: for callers who read others in the same call. */
export function tipNames(base: Base): string[] {
  const upstream = base.remote ? [freshRef(base), `refs/remotes/${base.remote}/${base.branch}`] : []
  return [`refs/heads/${base.branch}`, ...upstream]
}

export async function compareTips(
  repo: Repository,
  base: Base,
  refs: ReadonlyMap<string, string>,
): Promise<Tips> {
  const local = refs.get(`refs/heads/${base.branch}`) ?? null
  const upstream = refs.get(freshRef(base)) ?? refs.get(`refs/remotes/${base.remote}/${base.branch}`) ?? null
  if (local === null && upstream === null) {
    throw new Failure('base-not-found', `The base branch ${base.branch} is gone from ${repo.main}`, {
      hint: `Bring it back (git branch ${base.branch} COMMIT), then repeat the command.`,
    })
  }
  if (local === null || upstream === null || local === upstream) {
    return { local, fresh: local ?? upstream ?? '', parted: false }
  }
  if (await isAncestor(repo, local, upstream)) return { local, fresh: upstream, parted: false }
  return { local, fresh: local, parted: !(await isAncestor(repo, upstream, local)) }
}

export async function isAncestor(repo: Repository, ancestor: string, commit: string): Promise<boolean> {
  return (await gitTry(repo, ['merge-base', '--is-ancestor', ancestor, commit])).exitCode === 0
}

/** The newest common ancestor, or null when there is none. */
export async function mergeBase(repo: Repository, a: string, b: string): Promise<string | null> {
  const result = await gitTry(repo, ['merge-base', a, b])
  return result.exitCode === 0 ? result.stdout.toString().trim() : null
}

/**
 * Commits of `from..to`, each with the value of one trailer of its message ('' without it); none when either
 * is gone.
 */
export async function commitsOf(
  repo: Repository,
  from: string,
  to: string,
  trailer: string,
): Promise<ReadonlyMap<string, string>> {
  const format = `--format=%H %(trailers:key=${trailer},valueonly,separator=%x20)`
  const args = ['log', '--max-count=1000', '--no-show-signature', format, `${from}..${to}`]
  const result = await gitTry(repo, args)
  const lines = result.exitCode === 0 ? result.stdout.toString().split('\n') : []
  return new Map(
    lines.filter((line) => line !== '').map((line) => [line.split(' ')[0] ?? '', line.replace(/^\S+ */, '')]),
  )
}

/**
 * Moves a branch from `from` (null: it must not exist) to `to`; false when somebody else moved it.
 * @param also refs of ours, under refs/dirigent/, that move in the same transaction
 */
export async function moveBranch(
  repo: Repository,
  branch: string,
  to: string,
  from: string | null,
  why: string,
  also: readonly string[] = [],
): Promise<boolean> {
  const move =
    from === null ? `create refs/heads/${branch} ${to}` : `update refs/heads/${branch} ${to} ${from}`
  const input = [move, ...also.map((name) => `update refs/dirigent/${name} ${to}`)]
  const args = ['update-ref', '-m', why, '--stdin']
  return (await gitTry(repo, args, { input: `${input.join('\n')}\n` })).exitCode === 0
}

/** Puts a branch back to `was` when it is still at `is` (null: it was deleted). */
export async function restoreRef(
  repo: Repository,
  branch: string,
  was: string,
  is: string | null,
): Promise<boolean> {
  return await moveBranch(repo, branch, was, is, 'dirigent: put back after a worker moved it')
}

/** The landed tip of a branch: what our own landing last made of it. */
export const landedRef = (branch: string): string => `landed/${branch}`

/** For a move of ours that was cut short before it had said so, or had put its locks away. */
export async function noteLanded(repo: Repository, branch: string, commit: string): Promise<void> {
  await git(repo, ['update-ref', `refs/dirigent/${landedRef(branch)}`, commit])
  await clearAway(repo)
}

/** Keeps a commit for ever under the next free number, unless it is kept already; returns the ref's full name. */
export async function keep(repo: Repository, task: string, commit: string): Promise<string> {
  const prefix = `refs/dirigent/kept/${task}/`
  const first = await gitTry(repo, ['update-ref', `${prefix}1`, commit, ''])
  if (first.exitCode === 0) return `${prefix}1`
  const kept = await listRefs(repo, [prefix])
  const same = [...kept].find(([, id]) => id === commit)
  if (same) return same[0]
  const next = 1 + Math.max(0, ...[...kept.keys()].map((name) => Number(name.slice(prefix.length)) || 0))
  // One whose lock a killed git has left is passed over; the third that fails says why.
  for (const name of [next, next + 1].map((n) => `${prefix}${n}`))
    if ((await gitTry(repo, ['update-ref', name, commit, ''])).exitCode === 0) return name
  await git(repo, ['update-ref', `${prefix}${next + 2}`, commit, ''])
  return `${prefix}${next + 2}`
}

/** Where a branch leaves its base (null: they have nothing in common), and its tree. */
export async function standing(
  repo: Repository,
  base: string,
  tip: string,
): Promise<{ readonly base: string | null; readonly tree: string }> {
  const out = await gitLine(repo, ['rev-parse', `${tip}^{tree}`, `${base}...${tip}`])
  const [tree = '', ...range] = out.split('\n')
  return { tree, base: range.find((line) => line.startsWith('^'))?.slice(1) ?? null }
}

export async function treeOf(repo: Repository, commit: string): Promise<string> {
  return await gitLine(repo, ['rev-parse', '--verify', '--quiet', `${commit}^{tree}`])
}

/** Bytes that git keeps for nothing but refs/dirigent/kept/; null where it cannot say, or not in ten seconds. */
export async function sizeOfKept(repo: Repository): Promise<number | null> {
  const others = ['--branches', '--tags', '--remotes', '--glob=refs/dirigent/landed']
  const args = ['rev-list', '--disk-usage', '--objects', '--glob=refs/dirigent/kept', '--not', ...others]
  const { exitCode, stdout } = await gitTry(repo, args, { timeout: 10_000 })
  return exitCode === 0 ? Number(stdout.toString().trim()) : null
}
