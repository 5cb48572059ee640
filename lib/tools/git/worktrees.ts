/**
 * Makes, restores and removes the worktree of a task. Callers hold the git lock around `addWorktree`:
 * git's own worktree commands race with each other.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { removeTree, writeFileDurable } from '../../kit/files.ts'
import { lookAt, readTail } from '../../kit/read.ts'
import { git, gitFailed, gitList, gitTry, isThere, type Place, type Repository } from './door.ts'
import { makeTargets } from './trusted.ts'

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
  makeTargets(repo.gitDir)
  // Forced twice: a git that was killed as it made this worktree has left an entry that is locked.
  const add = ['worktree', 'add', '--quiet', '--force', '--force']
  const made = await gitTry(repo, [...add, '--no-track', '-b', branch, path, start], { timeout: 600_000 })
  if (made.exitCode !== 0) {
    // Which happens to a task whose worktree was deleted by hand: it leaves an entry and the branch. --force
    // takes its place; nothing is pruned, for a person's own worktree may be on a disk that is away.
    const isTaken = made.stderr.includes('already exists')
    if (!(await branchExists(repo, branch)) || (!adopt && !isTaken)) throw gitFailed(add, made, path)
    // It may also be there because this very call made it, before something else went wrong.
    if (!adopt && !/already exists/.test(made.stderr)) throw gitFailed(add, made, path)
    if (!adopt) throw branchTaken(repo, branch)
    await git(repo, [...add, path, branch], { timeout: 600_000 })
  }
  return { git_dir: pinWorktree(repo, path), worktree: realpathSync(path) }
}

/** A directory with no file in it but git's own note: of a creation, or a removal, that was cut short. */
export function isEmptyWorktree(path: string): boolean {
  if (!lookAt(path)?.isDirectory()) return false
  return readdirSync(path, { withFileTypes: true }).every((entry) => entry.name === '.git' && entry.isFile())
}

/** Is it what `addWorktree` of this branch makes, or has begun to? */
export function isBegunWorktree(repo: Repository, path: string, branch: string): boolean {
  const dotGit = join(path, '.git')
  if (!lookAt(dotGit)?.isFile()) return false
  const gitDir = /^gitdir: (.+)$/m.exec(readTail(dotGit, 4096).toString())?.[1] ?? ''
  // Nobody but us makes worktrees through our view.
  if (gitDir.startsWith(join(repo.trusted, 'worktrees', sep))) return true
  return readTail(join(gitDir, 'HEAD'), 4096).toString().trim() === `ref: refs/heads/${branch}`
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
  // Not synced: `restoreWorktree` writes it again before every attempt.
  writeFileDurable(dotGit, `gitdir: ${gitDir}\n`, { durable: false })
  return gitDir
}

/**
 * Makes a worktree that we know usable again after a worker was in it: its pointers, its HEAD and its
 * branch. What a worker commits must reach the real repository. No worker may live.
 * @param start where the branch began, for one that is gone together with HEAD
 * @returns `gone` when there is nothing to mend: it must be made anew
 */
export async function restoreWorktree(
  repo: Repository,
  place: Place,
  branch: string,
  start: string,
): Promise<'intact' | 'gone'> {
  if (!isThere(place)) {
    removeTree(place.git_dir)
    return 'gone'
  }
  for (const entry of readdirSync(place.git_dir, { withFileTypes: true })) {
    // A FIFO would block git, a link lead it elsewhere, the lock of a killed git stop it.
    const foreign = !entry.isFile() && !entry.isDirectory()
    if (foreign || entry.name.endsWith('.lock')) removeTree(join(place.git_dir, entry.name))
  }
  rmSync(join(repo.gitDir, 'refs', 'heads', `${branch}.lock`), { force: true })
  if (lookAt(join(place.worktree, '.git'))?.isDirectory()) setAside(place, ['.git'])
  repin(join(place.worktree, '.git'), `gitdir: ${place.git_dir}\n`)
  repin(join(place.git_dir, 'commondir'), '../..\n')
  repin(join(place.git_dir, 'gitdir'), `${join(place.worktree, '.git')}\n`)
  removeTree(join(place.git_dir, 'config.worktree'))
  if (isOnLooseBranch(repo, place, branch)) return 'intact'
  const [head, exists] = await Promise.all([headOf(repo, place), branchExists(repo, branch)])
  if (head === null) repin(join(place.git_dir, 'HEAD'), `ref: refs/heads/${branch}\n`)
  if (!exists) await git(repo, ['update-ref', `refs/heads/${branch}`, head ?? start])
  return 'intact'
}

/** What is nearly always so is found by reading two files; git is asked only about the rest. */
function isOnLooseBranch(repo: Repository, place: Place, branch: string): boolean {
  const ref = join(repo.gitDir, 'refs', 'heads', branch)
  const plain = lookAt(ref)?.isFile() && lookAt(join(place.git_dir, 'HEAD'))?.isFile()
  if (!plain || readFileSync(join(place.git_dir, 'HEAD'), 'utf8') !== `ref: refs/heads/${branch}\n`)
    return false
  return /^[0-9a-f]{40,64}\n$/.test(readFileSync(ref, 'utf8'))
}

function repin(path: string, content: string): void {
  const there = lookAt(path)
  const same = there?.isFile() && there.size === Buffer.byteLength(content)
  if (same && readFileSync(path, 'utf8') === content) return
  removeTree(path)
  writeFileDurable(path, content)
}

/** May this be git's own directory of the worktree of that name? git adds a number when a name is taken. */
export function isGitDirOf(repo: Repository, gitDir: string, name: string): boolean {
  const own = basename(gitDir)
  const named = own.startsWith(name) && /^\d*$/.test(own.slice(name.length))
  return named && dirname(gitDir) === join(realpathSync(repo.gitDir), 'worktrees')
}

/** Moves things out of a worktree, into a directory beside it. Returns that directory. */
export function setAside(place: Place, paths: readonly string[]): string {
  const aside = `${place.worktree}.found-${Date.now()}`
  for (const path of paths) {
    mkdirSync(dirname(join(aside, path)), { recursive: true })
    renameSync(join(place.worktree, path), join(aside, path))
  }
  return aside
}

/** Removes a worktree and its branch. The caller has kept what was in it. */
export async function removeWorktree(repo: Repository, place: Place, branch: string): Promise<void> {
  removeTree(place.worktree)
  removeTree(place.git_dir)
  await deleteBranch(repo, branch)
}

/** Also when it is gone already. The caller has kept what it pointed to. */
export async function deleteBranch(repo: Repository, branch: string): Promise<void> {
  const remove = ['update-ref', '-d', `refs/heads/${branch}`]
  if ((await gitTry(repo, remove)).exitCode === 0) return
  // A git of ours that was killed may have left it; the task's owner alone moves its branch.
  rmSync(join(repo.gitDir, 'refs', 'heads', `${branch}.lock`), { force: true })
  const again = await gitTry(repo, remove)
  if (again.exitCode !== 0 && (await branchExists(repo, branch))) throw gitFailed(remove, again, repo.main)
}

async function branchExists(repo: Repository, branch: string): Promise<boolean> {
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

const identities = new WeakMap<Repository, Promise<Record<string, string>>>()

/** Committer and fallback author variables, for repositories where nobody has said who commits. Asked once. */
export function identity(repo: Repository): Promise<Record<string, string>> {
  const known = identities.get(repo) ?? askIdentity(repo)
  identities.set(repo, known)
  // A git that was killed has not said who commits.
  known.catch(() => identities.delete(repo))
  return known
}

async function askIdentity(repo: Repository): Promise<Record<string, string>> {
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

/** Files of the main checkout below a directory that git tracks. */
export function trackedBelow(repo: Repository, directory: string): Promise<string[]> {
  return gitList(repo, ['ls-files', '-z', '--', directory])
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
