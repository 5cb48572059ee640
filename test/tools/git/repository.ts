/** A real repository with our view of it, and a worktree of a task in it, for tests of the git door. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { Place, Repository } from '../../../lib/tools/git/door.ts'
import { ensureTrusted } from '../../../lib/tools/git/trusted.ts'
import { addWorktree } from '../../../lib/tools/git/worktrees.ts'

export interface World {
  readonly directory: string
  readonly main: string
  readonly repo: Repository
  /** Plain git, as anybody would type it, in `cwd` (default: the main checkout). */
  git(args: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): Promise<string>
  /** The same, whatever its exit code. */
  try(args: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): Promise<number>
  /** Writes a file; a relative path lies in the main checkout. */
  write(path: string, content: string | Buffer, mode?: number): string
  /** Commits everything in `cwd`; gives the commit. */
  commit(message: string, cwd?: string): Promise<string>
  /** A worktree of a task, as Dirigent makes it. */
  worktree(id?: string, start?: string): Promise<Place>
  close(): void
}

export const identityEnv = {
  GIT_AUTHOR_NAME: 'Tester',
  GIT_AUTHOR_EMAIL: 'tester@example.invalid',
  GIT_COMMITTER_NAME: 'Tester',
  GIT_COMMITTER_EMAIL: 'tester@example.invalid',
}

export const branchOf = (id: string): string => `dirigent/${id}`

/** One commit on `main`, with a.txt in it; nothing of the tester's own git settings. */
export async function makeWorld(): Promise<World> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-git-')))
  const main = join(directory, 'main')
  process.env.GIT_CONFIG_GLOBAL = join(directory, 'gitconfig')
  process.env.GIT_CONFIG_NOSYSTEM = '1'
  writeFileSync(
    join(directory, 'gitconfig'),
    '[user]\n\tname = Tester\n\temail = tester@example.invalid\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n\taddEmbeddedRepo = false\n',
  )
  const repo: Repository = {
    main,
    gitDir: join(main, '.git'),
    trusted: join(main, '.orchestrator-state', 'git'),
  }
  const plain = (args: readonly string[], cwd = main, env: NodeJS.ProcessEnv = {}) =>
    execa('git', args, { cwd, env, reject: false, timeout: 20_000, stdin: 'ignore' })
  const world: World = {
    directory,
    main,
    repo,
    async git(args, cwd, env) {
      const done = await plain(args, cwd, env)
      if (done.exitCode !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`)
      return done.stdout
    },
    try: async (args, cwd, env) => (await plain(args, cwd, env)).exitCode ?? -1,
    write(path, content, mode) {
      const full = path.startsWith('/') ? path : join(main, path)
      mkdirSync(dirname(full), { recursive: true })
      writeFileSync(full, content)
      // Whatever the tester's umask is.
      if (mode !== undefined) chmodSync(full, mode)
      return full
    },
    async commit(message, cwd) {
      await world.git(['add', '--all'], cwd)
      await world.git(['commit', '--quiet', '--message', message], cwd)
      return await world.git(['rev-parse', 'HEAD'], cwd)
    },
    async worktree(id = 't', start = 'main') {
      const path = join(main, '.orchestrator-state', 'worktrees', id)
      return await addWorktree(repo, path, branchOf(id), start, false)
    },
    close: () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }),
  }
  await execa('git', ['init', '--quiet', main])
  world.write('.orchestrator-state/.gitignore', '/*\n')
  world.write('a.txt', 'one\ntwo\nthree\n')
  await world.commit('start')
  await ensureTrusted(repo.gitDir, repo.trusted, 'a-person-said-so')
  return world
}
