/** Sets a repository up. Idempotent: what is there already, edited or not, stays. */
import { existsSync } from 'node:fs'
import { createFileOnce, makeDirectory } from '../kit/files.ts'
import { withLock } from '../kit/lock.ts'
import { readConfig } from '../state/config.ts'
import { configTemplate, ignoreTemplate, readmeTemplate } from '../state/templates.ts'
import { ensureTrusted } from '../tools/git/trusted.ts'
import { checkGit } from '../tools/git/version.ts'
import { findRepository } from './context.ts'

export interface Initialised {
  readonly root: string
  /** Files made now; empty when everything was there. */
  readonly made: readonly string[]
}

export async function init(directory: string): Promise<Initialised> {
  const { repo, paths } = findRepository(directory)
  await checkGit()
  const directories = [
    paths.tasks,
    paths.worktrees,
    paths.archive,
    paths.locks,
    paths.lessons,
    paths.templates,
  ]
  for (const path of directories) makeDirectory(path)
  const files: readonly (readonly [string, string])[] = [
    [paths.readme, readmeTemplate],
    [paths.config, configTemplate],
    [paths.ignore, ignoreTemplate],
  ]
  const made = files
    .filter(([path, content]) => !existsSync(path) && createFileOnce(path, content))
    .map(([path]) => path)
  // Locks must work here, and the configuration must be readable, before anything depends on them.
  await withLock(paths.dispatchLock, 10_000, async () => {
    await ensureTrusted(repo.gitDir, paths.trustedGit, 'a-person-said-so')
  })
  await readConfig(paths)
  return { root: paths.root, made }
}
