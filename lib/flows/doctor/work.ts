/** The work itself: worktrees, branches, what was proved, landed and kept. */
import { Failure } from '../../kit/errors.ts'
import { removeTree } from '../../kit/files.ts'
import { lookAt, namesIn } from '../../kit/read.ts'
import type { Finding } from '../../rules/findings.ts'
import { readRecord } from '../../state/record.ts'
import { result } from '../../state/schema/attempt.ts'
import type { Task } from '../../state/tasks.ts'
import { isThere } from '../../tools/git/door.ts'
import { isDangling, worktreeEntries } from '../../tools/git/entries.ts'
import { staleLocks } from '../../tools/git/leftovers.ts'
import { missingCommits, unreachable } from '../../tools/git/objects.ts'
import { collect } from './collect.ts'
import { isDropped, kept } from './kept.ts'
import type { Look } from './look.ts'
import { branchesLeft, dropEntry, dropWorktreeOf } from './strays.ts'

export async function work(look: Look): Promise<readonly Finding[]> {
  const all = collect()
  if (!look.initialised) return []
  all.try('the worktrees', () => worktrees(look))
  all.try('git’s entries of worktrees', () => entries(look))
  all.try('the locks of git', () => gitLocks(look))
  all.try('the ports', () => ports(look))
  await all.tryAsync('the branches', () => branchesLeft(look))
  await all.tryAsync('what was proved', () => proved(look))
  await all.tryAsync('what was landed', () => landed(look))
  await all.tryAsync('what was kept', () => kept(look))
  return all.findings
}

function* worktrees(look: Look): Iterable<Finding> {
  const { paths } = look.context
  for (const { id, status } of look.live) {
    const { workplace } = status
    if (!workplace || isThere(workplace)) continue
    yield {
      code: 'worktree-missing',
      what: `the worktree of ${id} is gone or was replaced: ${workplace.worktree}`,
      fix: 'Another attempt makes it anew from its branch; uncommitted work in it is lost.',
      next: `dirigent respawn ${id}`,
    }
  }
  const known = new Set([...look.live, ...look.broken].map(({ id }) => id))
  for (const name of namesIn(paths.worktrees)) {
    const path = paths.worktree(name)
    if (known.has(name) || /^\.tmp-|\.found-\d+$/.test(name) || !lookAt(path)?.isDirectory()) continue
    yield {
      code: 'worktree-without-task',
      what: `${path} is the worktree of no live task`,
      fix: `Keeps what is in it under refs/dirigent/kept/${name}/, then removes it.`,
      mend: () => dropWorktreeOf(look, name),
    }
  }
}

function* entries(look: Look): Iterable<Finding> {
  const { repo, paths } = look.context
  const used = new Set(look.live.map(({ status }) => status.workplace?.git_dir))
  for (const entry of worktreeEntries(repo)) {
    // A person's own worktree may be on a disk that is away.
    if (!entry.worktree.startsWith(`${paths.worktrees}/`) || used.has(entry.git_dir)) continue
    if (!isDangling(entry)) continue
    yield {
      code: 'git-entry-dangling',
      what: `${entry.git_dir} is of a worktree that is gone or has another entry: ${entry.worktree}`,
      fix: 'Keeps the commit that it was at, then removes the entry.',
      mend: () => dropEntry(look, entry),
    }
  }
}

function* gitLocks(look: Look): Iterable<Finding> {
  const { repo, paths } = look.context
  for (const path of staleLocks(repo, paths.worktrees)) {
    yield {
      code: 'git-lock-stale',
      what: `${path} was left by a git that was killed: it stops every other git that needs it`,
      fix: 'Removes it: no process has it open, and no git runs here.',
      mend: () => {
        if (staleLocks(repo, paths.worktrees).includes(path)) removeTree(path)
      },
    }
  }
}

function* ports(look: Look): Iterable<Finding> {
  const blocks = look.live.flatMap(({ id, status }) =>
    status.workplace ? [{ id, ...status.workplace.ports }] : [],
  )
  for (const [index, one] of blocks.entries())
    for (const two of blocks.slice(index + 1))
      if (one.base < two.base + two.count && two.base < one.base + one.count)
        yield {
          code: 'ports-twice',
          what: `${one.id} and ${two.id} have ports in common, from ${Math.max(one.base, two.base)}`,
          fix: `Only one of them should run at a time; cancel one and spawn it again for ports of its own.`,
          next: `dirigent status ${two.id}`,
        }
}

async function proved({ context, live, archived }: Look): Promise<Finding[]> {
  const results = [...live, ...archived].flatMap((task) => {
    const commit = commitOf(task)
    return commit === null ? [] : [{ task, commit }]
  })
  const missing = await missingCommits(context.repo, [...new Set(results.map(({ commit }) => commit))])
  // Of a change that landed another commit is the proof, once what was kept for it is dropped.
  const isGiven = ({ task, commit }: (typeof results)[number]) =>
    !missing.has(commit) || (task.status.state === 'merged' && isDropped(task))
  return results
    .filter((one) => !isGiven(one))
    .map(({ task, commit }) => ({
      code: 'result-commit-missing',
      what: `${task.paths.result} names ${commit}, which is not in the repository`,
      fix: 'Its proof is worth nothing without it: fetch the commit from where it may still be, or try again.',
      next: `dirigent status ${task.id}`,
    }))
}

/** A result that cannot be read is found elsewhere. */
function commitOf(task: Task): string | null {
  try {
    return readRecord(task.paths.result, result)?.commit ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

async function landed({ context, live, archived }: Look): Promise<Finding[]> {
  const merged = [...live, ...archived].flatMap(({ id, status }) =>
    status.state === 'merged' && status.change?.commit
      ? [{ id, commit: status.change.commit, base: status.settings.base.branch }]
      : [],
  )
  const missing = await missingCommits(context.repo, [...new Set(merged.map(({ commit }) => commit))])
  const findings: Finding[] = []
  for (const base of new Set(merged.map((change) => change.base))) {
    const onto = merged.filter((change) => change.base === base)
    const there = onto.map(({ commit }) => commit).filter((commit) => !missing.has(commit))
    const beyond = await unreachable(context.repo, [...new Set(there)], `refs/heads/${base}`)
    for (const { id, commit } of onto)
      if (missing.has(commit) || beyond.has(commit))
        findings.push({
          code: 'landed-unreachable',
          what: `${id} is merged as ${commit}, and ${base} does not have that commit`,
          fix: `Somebody moved ${base} back, or it was rewritten. If that was not meant: git merge ${commit}`,
        })
  }
  return findings
}
