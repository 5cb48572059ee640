/**
 * Makes, restores and removes the worktree of a task. Callers hold the git lock around `addWorktree`:
 * git's own worktree commands race with each other.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { writeFileDurable } from '../../kit/files.ts'
import { git, gitTry, type Place, type Repository } from './door.ts'

/**
 * A new worktree at `path` with `branch` at `start`. An existing branch is used only when `adopt` says
 * that it is this task's own; otherwise `branch-taken`. No upstream is configured: writing the shared
 * configuration is where concurrent git fails.
 * @returns the worktree's own git directory, to pin git to
 */
export async function addWorktree(
  repo: Repository,
  path: string,
  branch: string,
  start: string,
  adopt: boolean,
): Promise<Place> {
  mkdirSync(dirname(path), { recursive: true })
  const exists = await branchExists(repo, branch)
  if (exists && !adopt) throw branchTaken(repo, branch)
  // A directory that was deleted by hand leaves an entry that blocks the name.
  await git(repo, ['worktree', 'prune'])
  const what = exists ? [path, branch] : ['--no-track', '-b', branch, path, start]
  await git(repo, ['worktree', 'add', '--quiet', '--force', ...what], { timeout: 600_000 })
  return { git_dir: pinWorktree(repo, path), worktree: path }
}

/** git wrote our view's path into the worktree's .git file; workers use the repository's real one. */
function pinWorktree(repo: Repository, path: string): string {
  const dotGit = join(path, '.git')
  const written = /^gitdir: (.+)$/m.exec(readFileSync(dotGit, 'utf8'))?.[1] ?? ''
  const name = written.slice(written.lastIndexOf('/worktrees/') + '/worktrees/'.length)
  const gitDir = join(realpathSync(repo.gitDir), 'worktrees', name)
  if (name === '' || name.includes(sep) || !existsSync(gitDir)) {
    throw new Failure('git-failed', `git made no worktree directory for ${path}`, {
      hint: 'Repeat the command.',
    })
  }
  writeFileDurable(dotGit, `gitdir: ${gitDir}\n`)
  return gitDir
}

/**
 * Makes a worktree that we know usable again after it was deleted or its pointers were rewritten:
 * what a worker commits must reach the real repository.
 */
export async function restoreWorktree(
  repo: Repository,
  place: Place,
  branch: string,
): Promise<'intact' | 'restored'> {
  if (!existsSync(place.worktree) || !existsSync(place.git_dir)) {
    rmSync(place.worktree, { recursive: true, force: true })
    rmSync(place.git_dir, { recursive: true, force: true })
    return 'restored'
  }
  repin(join(place.worktree, '.git'), `gitdir: ${place.git_dir}\n`)
  repin(join(place.git_dir, 'commondir'), '../..\n')
  repin(join(place.git_dir, 'gitdir'), `${join(place.worktree, '.git')}\n`)
  rmSync(join(place.git_dir, 'config.worktree'), { force: true })
  if ((await gitTry(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])).exitCode !== 0) {
    await git(repo, ['update-ref', `refs/heads/${branch}`, 'HEAD'], { at: place })
  }
  return 'intact'
}

function repin(path: string, content: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== content) {
    rmSync(path, { recursive: true, force: true })
    writeFileDurable(path, content)
  }
}

/** Removes a worktree and its branch. The caller has kept what was in it. */
export async function removeWorktree(repo: Repository, place: Place, branch: string): Promise<void> {
  rmSync(place.worktree, { recursive: true, force: true, maxRetries: 3 })
  rmSync(place.git_dir, { recursive: true, force: true })
  await gitTry(repo, ['update-ref', '-d', `refs/heads/${branch}`])
}

export async function branchExists(repo: Repository, branch: string): Promise<boolean> {
  return (await gitTry(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])).exitCode === 0
}

export function branchTaken(repo: Repository, branch: string): Failure {
  return new Failure('branch-taken', `The branch ${branch} is there already in ${repo.main}`, {
    hint: `Choose another id, or move the branch away: git branch -m ${branch} ${branch}-old`,
  })
}

/** Puts the worktree at a commit of ours; the caller has kept or committed everything in it. */
export async function resetWorktree(
  repo: Repository,
  place: Place,
  branch: string,
  commit: string,
): Promise<void> {
  await git(repo, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`], { at: place })
  await git(repo, ['update-ref', `refs/heads/${branch}`, commit], { at: place })
  await git(repo, ['read-tree', '--reset', '-u', commit], { at: place, timeout: 600_000 })
}

/** Makes the worktree's HEAD its branch again, at `commit`; files and index stay as they are. */
export async function attachBranch(
  repo: Repository,
  place: Place,
  branch: string,
  commit: string,
): Promise<void> {
  await git(
    repo,
    ['update-ref', '-m', 'dirigent: the worktree is the branch', `refs/heads/${branch}`, commit],
    { at: place },
  )
  await git(repo, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`], { at: place })
}

/** Committer and fallback author variables, for repositories where nobody has said who commits. */
export async function identity(repo: Repository): Promise<Record<string, string>> {
  const configured = await gitTry(repo, ['config', '--get', 'user.email'])
  const set = configured.exitCode === 0 || process.env.GIT_COMMITTER_EMAIL || process.env.EMAIL
  if (set) return {}
  return {
    GIT_AUTHOR_NAME: 'Dirigent worker',
    GIT_AUTHOR_EMAIL: 'worker@dirigent.invalid',
    GIT_COMMITTER_NAME: 'Dirigent',
    GIT_COMMITTER_EMAIL: 'dirigent@dirigent.invalid',
  }
}

/** The commit that a worktree's HEAD (or another ref) names, or null when it names none. */
export async function headOf(repo: Repository, place: Place, ref = 'HEAD'): Promise<string | null> {
  const result = await gitTry(repo, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], { at: place })
  return result.exitCode === 0 ? result.stdout.toString().trim() : null
}

/** Operations that a worker began and did not finish. */
export function unfinished(place: Place): string | null {
  if (!existsSync(place.git_dir)) return null
  const names = new Set(readdirSync(place.git_dir))
  if (names.has('rebase-merge') || names.has('rebase-apply')) return 'rebase'
  if (names.has('MERGE_HEAD')) return 'merge'
  if (names.has('CHERRY_PICK_HEAD')) return 'cherry-pick'
  return null
}
