/**
 * The repository that sandboxes begin as: one commit, and what `init` makes, not yet committed. Made once for all
 * tests of a run (`build.ts`), then copied, because making it costs as much as a verb and three gits.
 */
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** Where the one of this run is. */
const variable = 'DIRIGENT_TEST_TEMPLATE'

/** Is this a run of the tests, with a build of its own? */
export const isBuilt = (): boolean => process.env[variable] !== undefined

export const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')

/** @param directory a new one; the template of this process, and of those it starts, is in it from now on */
export async function makeTemplate(directory: string): Promise<void> {
  await makeRepository(directory, environment(directory))
  process.env[variable] = directory
}

/** Makes `directory`/repo, with what it needs beside it. */
export async function makeRepository(directory: string, env: NodeJS.ProcessEnv, init = true): Promise<void> {
  const repo = join(directory, 'repo')
  makeSurroundings(directory)
  const made = process.env[variable]
  if (init && made) return await copy(join(made, 'repo'), repo)
  await execa('git', ['init', '--quiet', repo], { env, extendEnv: false })
  writeFileSync(join(repo, 'README.md'), '# A repository\n')
  const options = { cwd: repo, env, extendEnv: false }
  await execa('git', ['add', '--all'], options)
  await execa('git', ['commit', '--quiet', '--message', 'start'], options)
  if (init) await execa(join(root, 'bin', 'init'), options)
}

/** Only what a fresh machine has: nothing of the tester's own settings leaks in. */
export function environment(directory: string): NodeJS.ProcessEnv {
  return {
    PATH: `${join(root, 'test', 'support', 'bin')}:${process.env.PATH}`,
    HOME: join(directory, 'home'),
    CODEX_HOME: join(directory, 'home', '.codex'),
    GIT_CONFIG_GLOBAL: join(directory, 'gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    TMPDIR: tmpdir(),
  }
}

function makeSurroundings(directory: string): void {
  mkdirSync(join(directory, 'home', '.codex'), { recursive: true })
  writeFileSync(
    join(directory, 'gitconfig'),
    '[user]\n\tname = Tester\n\temail = tester@example.invalid\n[init]\n\tdefaultBranch = main\n',
  )
}

/** Our view of the git directory is links by whole paths: they lead into the copy. */
async function copy(from: string, to: string): Promise<void> {
  await execa('cp', ['--archive', from, to])
  const view = join(to, '.orchestrator-state', 'git')
  for (const entry of readdirSync(view, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue
    const link = join(view, entry.name)
    const target = readlinkSync(link).replace(from, to)
    rmSync(link)
    symlinkSync(target, link)
  }
}
