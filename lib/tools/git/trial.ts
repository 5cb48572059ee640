/**
 * Can a worker commit? Tried for real, in a worktree that is no part of the repository: it has the repository's
 * commits and the settings that a worker's git would read from the user, but its own index, files and place for
 * new objects, all in a directory of the caller's. Hooks and the repository's own configuration, which a worker
 * can write, are left out.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { oneLine } from '../../kit/text.ts'
import { gitTry, type Repository } from './door.ts'
import { identity } from './worktrees.ts'

/** What git said, or null when it worked. `directory` is empty, and the caller's to remove. */
export async function commitProblem(
  repo: Repository,
  directory: string,
  tip: string,
): Promise<string | null> {
  const at = { git_dir: join(directory, 'git'), worktree: join(directory, 'work') }
  const objects = join(directory, 'objects')
  for (const path of [at.git_dir, at.worktree, objects]) mkdirSync(path)
  writeFileSync(join(at.git_dir, 'HEAD'), `${tip}\n`)
  writeFileSync(join(at.worktree, 'dirigent-trial'), 'A trial.\n')
  const env = {
    ...(await identity(repo)),
    GIT_OBJECT_DIRECTORY: objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: join(repo.gitDir, 'objects'),
  }
  const signed = await gitTry(repo, ['config', '--global', '--type=bool', '--get', 'commit.gpgSign'])
  const sign = ['-c', `commit.gpgSign=${signed.stdout.toString().trim() || 'false'}`]
  const steps = [
    ['read-tree', 'HEAD'],
    ['add', '--force', 'dirigent-trial'],
    [...sign, 'commit', '--quiet', '--no-verify', '--message', 'A trial'],
  ]
  for (const step of steps) {
    const done = await gitTry(repo, step, { at, env, timeout: 30_000 })
    if (done.exitCode !== 0)
      return done.timedOut ? 'no answer in 30 s' : oneLine(done.stderr, 300) || 'it gave no reason'
  }
  return null
}
