/**
 * The one door to git on the trusted side. Whatever a worker writes into its worktree, the shared
 * configuration, the hooks or the worktree's own git directory, git started here runs none of it: the
 * directories are pinned to what we recorded, the configuration is our copy (`trusted.ts`), hooks and
 * file-system monitors are off, and no submodule is entered.
 */
import { existsSync, realpathSync } from 'node:fs'
import { Failure } from '../../kit/errors.ts'
import { type RunResult, refuseKilled, run } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'
import { gitEnvironment } from './environment.ts'
import { lockInTheWay, makeWay, patience } from './in-the-way.ts'
import type { Location } from './locate.ts'

export interface Repository extends Location {
  /** Our view of the git directory. */
  readonly trusted: string
}

/** Where a command acts: the main checkout, or a worktree by what we recorded when we made it. */
export interface Place {
  readonly git_dir: string
  readonly worktree: string
}

/** Are both its directories where we made them, and neither replaced by a link that leads elsewhere? */
export function isThere(place: Place): boolean {
  return [place.worktree, place.git_dir].every((path) => existsSync(path) && realpathSync(path) === path)
}

export interface GitOptions {
  readonly at?: Place
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Buffer
  /** Milliseconds; default two minutes. */
  readonly timeout?: number
  /** Bytes of output; what is beyond is left out. Default: 16 MiB, and more is an error. */
  readonly most?: number
}

const hardening = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.untrackedCache=false',
  'protocol.ext.allow=never',
  'diff.ignoreSubmodules=dirty',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'commit.gpgSign=false',
  'core.quotePath=false',
].flatMap((setting) => ['-c', setting])

/** Runs git and gives the whole result; a non-zero exit is the caller's to judge, a killed git is not. */
export async function gitTry(
  repo: Repository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<RunResult> {
  const at = options.at ?? { git_dir: repo.gitDir, worktree: repo.main }
  if (options.at && !isThere(options.at)) throw notThere(options.at)
  const start = () => started(repo, at, args, options)
  let result = await start()
  for (let times = 0; result.exitCode !== 0 && times < patience.times; times++) {
    const lock = lockInTheWay(result.stderr)
    if (lock === null) break
    await makeWay(repo, [lock])
    result = await start()
  }
  refuseKilled(`git ${args.find((word) => !word.startsWith('-')) ?? ''}`, result)
  return result
}

async function started(
  repo: Repository,
  at: Place,
  args: readonly string[],
  options: GitOptions,
): Promise<RunResult> {
  return await run('git', [...hardening, ...args], {
    cwd: at.worktree,
    env: gitEnvironment({
      ...options.env,
      GIT_DIR: at.git_dir,
      GIT_COMMON_DIR: repo.trusted,
      GIT_WORK_TREE: at.worktree,
    }),
    ...(options.input === undefined ? {} : { input: options.input }),
    timeout: options.timeout ?? 120_000,
    ...(options.most === undefined ? {} : { limit: options.most, cut: true }),
  })
}

/** Runs git; anything but exit 0 is a `git-failed` with what git said. */
export async function git(
  repo: Repository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  const result = await gitTry(repo, args, options)
  if (result.exitCode !== 0) throw gitFailed(args, result, options.at?.worktree ?? repo.main)
  return result.stdout.toString()
}

/** The first `most` bytes of output, whole lines; `cut` when there was more. */
export async function gitCut(
  repo: Repository,
  args: readonly string[],
  options: GitOptions & { readonly most: number },
): Promise<{ readonly text: string; readonly cut: boolean }> {
  const result = await gitTry(repo, args, options)
  if (result.cut) return { text: wholeLines(result.stdout), cut: true }
  if (result.exitCode !== 0) throw gitFailed(args, result, options.at?.worktree ?? repo.main)
  return { text: result.stdout.toString(), cut: false }
}

/** What is one line alone is cut inside it. */
const wholeLines = (bytes: Buffer): string =>
  bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1 || bytes.length).toString()

/** One line of output, trimmed. */
export async function gitLine(
  repo: Repository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  return (await git(repo, args, options)).trim()
}

/** NUL-separated output as a list. */
export async function gitList(
  repo: Repository,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string[]> {
  return (await git(repo, args, options)).split('\0').filter((entry) => entry !== '')
}

function notThere(place: Place): Failure {
  return new Failure('git-failed', `${place.worktree} is not the worktree that was made there`, {
    hint: 'It was removed or replaced. Another attempt makes it anew: dirigent respawn ID',
  })
}

export function gitFailed(args: readonly string[], result: RunResult, where: string): Failure {
  const said =
    oneLine(result.stderr, 400) ||
    (result.timedOut ? 'no answer in time' : `exit code ${result.exitCode ?? result.signal}`)
  const full = /No space left|out of disk ?space|disk quota/i.test(result.stderr)
  // Of an index that it cannot write git does not say why.
  const failed = /Input\/output error|unable to write new index file/i.test(result.stderr)
  // One that git itself had started; it says so of a SIGKILL.
  const killed = /died of signal 9/.test(result.stderr)
  return new Failure(
    full ? 'disk-full' : failed ? 'disk-failed' : killed ? 'program-killed' : 'git-failed',
    `git ${args.find((word) => !word.startsWith('-')) ?? ''} in ${where}: ${said}`,
    {
      hint: full
        ? 'Free some space on the disk, then repeat the command.'
        : 'Repeat the command when the cause is mended.',
    },
  )
}
