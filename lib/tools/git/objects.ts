/** Which commits are there, and which of them a branch has: many in one call. */
import { git, gitTry, type Repository } from './door.ts'

/** Those of `commits` that the repository does not have. */
export async function missingCommits(repo: Repository, commits: readonly string[]): Promise<Set<string>> {
  if (commits.length === 0) return new Set()
  const asked = commits.filter((commit) => /^[0-9a-f]{40,64}$/.test(commit))
  const input = asked.map((commit) => `${commit}^{commit}\n`).join('')
  const said = await git(repo, ['cat-file', '--batch-check=%(objecttype)'], { input })
  const lines = said.trimEnd().split('\n')
  const there = new Set(asked.filter((_, index) => lines[index] === 'commit'))
  return new Set(commits.filter((commit) => !there.has(commit)))
}

/** Those of `commits` (all of them there) that cannot be reached from a ref; all of them when it is gone. */
export async function unreachable(
  repo: Repository,
  commits: readonly string[],
  ref: string,
): Promise<Set<string>> {
  if (commits.length === 0) return new Set()
  // Not `--not`, which git before 2.42 does not take from stdin.
  const input = `${[...commits, `^${ref}`].join('\n')}\n`
  const listed = await gitTry(repo, ['rev-list', '--stdin'], { input })
  if (listed.exitCode !== 0) return new Set(commits)
  const beyond = new Set(listed.stdout.toString().split('\n'))
  return new Set(commits.filter((commit) => beyond.has(commit)))
}
