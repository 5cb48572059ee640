/** What every verb begins with: which repository, where its state is, and its settings. */
import { existsSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { Failure } from '../kit/errors.ts'
import { makeDirectory } from '../kit/files.ts'
import { defaultWorkers } from '../rules/capacity.ts'
import { readConfig } from '../state/config.ts'
import { type StatePaths, stateDirectoryName, statePaths } from '../state/paths.ts'
import type { Config } from '../state/schema/config.ts'
import type { Repository } from '../tools/git/door.ts'
import { locate } from '../tools/git/locate.ts'
import { ensureTrusted } from '../tools/git/trusted.ts'
import { openLocks } from './locks.ts'

export interface Context {
  readonly repo: Repository
  readonly paths: StatePaths
  readonly config: Config
}

/**
 * Opens the state of the repository around `directory`, reading files only: no git is started.
 * Throws `not-a-repository`, `bare-repository`, `not-initialised` or `bad-config`.
 */
export async function openContext(directory: string): Promise<Context> {
  const { repo, paths } = findRepository(directory)
  if (!existsSync(paths.root)) {
    throw new Failure('not-initialised', `${repo.main} has no ${stateDirectoryName}/ yet`, {
      hint: 'Set it up: dirigent init',
      next: ['dirigent init'],
    })
  }
  makeRuntime(paths)
  await openLocks(paths.lockFamily, paths.root)
  return { repo, paths, config: await readConfig(paths) }
}

/** The settings as they are now: who runs for hours follows them. Those that cannot be read leave the ones from before. */
export async function freshSettings(context: Context): Promise<Context> {
  try {
    return { ...context, config: await readConfig(context.paths) }
  } catch (error) {
    if (error instanceof Failure) return context
    throw error
  }
}

/** A clone has only what was committed; the rest is made when it is first needed. */
function makeRuntime(paths: StatePaths): void {
  for (const path of [paths.tasks, paths.worktrees, paths.archive, paths.locks]) makeDirectory(path)
}

export function findRepository(directory: string): { repo: Repository; paths: StatePaths } {
  const found = locate(directory, stateDirectoryName)
  const paths = statePaths(found.main)
  return { paths, repo: { ...found, trusted: paths.trustedGit } }
}

/**
 * Must have been called before the first git of a process. A changed .git/config is adopted only while
 * no worker lives, and all that lived have been looked at (`trusted.ts` says why).
 * @param areWorkersAbout asked only when there is a change: each lock that is looked at is a process
 */
export async function trustRepository(
  { repo }: Context,
  areWorkersAbout: () => boolean | Promise<boolean>,
): Promise<void> {
  await ensureTrusted(repo.gitDir, repo.trusted, async () =>
    (await areWorkersAbout()) ? 'ask-a-person' : 'no-worker-lives',
  )
}

export function maxWorkers(config: Config): number {
  return config.max_workers ?? defaultWorkers(cpus().length, totalmem())
}

/** The branch of a task. */
export const branchOf = (id: string): string => `dirigent/${id}`

export const now = (): string => new Date().toISOString()
