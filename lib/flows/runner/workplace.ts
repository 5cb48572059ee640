/** Where a worker works: its worktree from the freshest base, included files, set-up command, ports. */
import { existsSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../../kit/errors.ts'
import { makeDirectory, removeTree } from '../../kit/files.ts'
import { withLock } from '../../kit/lock.ts'
import { lookAt, readTail } from '../../kit/read.ts'
import { tail } from '../../kit/text.ts'
import { stateDirectoryName } from '../../state/paths.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Workplace } from '../../state/schema/status.ts'
import { listTasks, type Task } from '../../state/tasks.ts'
import { notIgnored } from '../../tools/git/changes.ts'
import type { Place } from '../../tools/git/door.ts'
import { copyIncluded } from '../../tools/git/include.ts'
import { type Base, baseTips, fetchBase } from '../../tools/git/refs.ts'
import { addWorktree, isBegunWorktree, isEmptyWorktree, restoreWorktree } from '../../tools/git/worktrees.ts'
import { amend, flag, trail } from '../advance.ts'
import { withBuildTurn } from '../build-turn.ts'
import { branchOf, type Context } from '../context.ts'
import { finishBringing } from './bring.ts'
import { dropBranch } from './clean-up.ts'
import { runCommand } from './command.ts'
import type { Interrupt } from './interrupt.ts'
import { ownPlace } from './own-place.ts'
import { environmentOf } from './worker-environment.ts'

/** Gives the task a worktree, or makes the one it has usable again. Idempotent. */
export async function prepareWorkplace(context: Context, task: Task): Promise<Task> {
  const workplace = ownPlace(context, task)
  if (workplace) {
    const state = await restoreWorktree(context.repo, workplace, workplace.branch, workplace.start)
    if (state === 'intact') return await finishBringing(context, task, workplace)
    trail(context, task, 'note', `the worktree was gone; made again from ${workplace.branch}`)
  }
  return await makeWorktree(context, task)
}

async function makeWorktree(context: Context, task: Task): Promise<Task> {
  const { base } = task.status.settings
  const branch = branchOf(task.id)
  const asked = Date.now()
  const made = await withLock(context.paths.gitLock, 120_000, async () => {
    const problem = await fetchFresh(context, base, asked)
    const tips = await baseTips(context.repo, base)
    const path = context.paths.worktree(task.id)
    const place = await addFresh(context, task, path, tips.fresh)
    // Written down under the lock, so that the next to choose sees the ports taken.
    const workplace: Workplace = {
      branch,
      worktree: place.worktree,
      git_dir: place.git_dir,
      start: task.status.workplace?.start ?? tips.fresh,
      prepared: context.config.worktree.setup === null,
      included: [],
      resetting: null,
      ports: task.status.workplace?.ports ?? (await freePorts(context)),
    }
    return { task: amend(task, { workplace }), workplace, problem, tips }
  })
  const copied = await copyIncluded(context.repo.main, made.workplace.worktree, [`${stateDirectoryName}/**`])
  const included = await notIgnored(context.repo, made.workplace, copied)
  let next =
    included.length > 0 ? amend(made.task, { workplace: { ...made.workplace, included } }) : made.task
  if (made.problem)
    trail(
      context,
      next,
      'fetch-failed',
      `${base.remote}: ${made.problem}; working from what was fetched before`,
    )
  if (made.tips.parted)
    next = flag(
      context,
      next,
      `${base.branch} and ${base.remote}/${base.branch} have parted; working from the local one`,
    )
  return next
}

/** Milliseconds between two tries, and how many there are. */
const betweenAdds = 300
const mostAdds = 10

async function addFresh(context: Context, task: Task, path: string, start: string): Promise<Place> {
  const branch = branchOf(task.id)
  const { workplace: known, attempt, lost } = task.status
  // Ours, since nobody had one of that name when the task was spawned.
  const begun = known === null && (attempt > 1 || lost > 0)
  for (let tries = 1; ; tries++) {
    clearPlace(context, path, branch, known !== null)
    // A branch without a worktree is of a creation that was cut short, or was left when one was dropped: not
    // what this attempt stands on.
    if (begun || (known === null && tries > 1)) await dropBranch(context, task)
    try {
      return await addWorktree(context.repo, path, branch, start, known !== null)
    } catch (error) {
      // The git of one that was killed may be at it for a moment still; and git does not always say what the
      // system told it (a directory that could not be made is "not there").
      const most = lost > 0 ? mostAdds : 2
      const passes =
        error instanceof Failure && (error.code === 'git-failed' || (begun && error.code === 'branch-taken'))
      if (!passes || tries >= most) throw error
      await delay(betweenAdds)
    }
  }
}

/**
 * A directory where the worktree should be: one that we began to make, and were killed before we had written it
 * down, holds nothing of anybody's and is removed. Any other is nobody's that we know: not used, and not destroyed.
 */
function clearPlace(context: Context, path: string, branch: string, wasMade: boolean): void {
  if (!lookAt(path)) return
  if (isEmptyWorktree(path) || (!wasMade && isBegunWorktree(context.repo, path, branch))) removeTree(path)
  else renameSync(path, `${path}.found-${Date.now()}`)
}

/**
 * Fetches the base unless somebody began to after we asked: then what they brought is as fresh. Called
 * under the git lock; the stamp's time is when the last fetch began.
 */
export async function fetchFresh(context: Context, base: Base, asked: number): Promise<string | null> {
  if (base.remote === null) return null
  const stamp = context.paths.fetched(`${base.remote}/${base.branch}`)
  // Setting a time loses a part of its last millisecond.
  if (existsSync(stamp) && Math.round(statSync(stamp).mtimeMs) >= asked)
    return readFileSync(stamp, 'utf8') || null
  const began = new Date()
  const problem = await fetchBase(context.repo, base)
  // A failure counts for everybody, too: a remote that does not answer must not be waited for by each in turn.
  writeFileSync(stamp, problem ?? '')
  utimesSync(stamp, began, began)
  return problem
}

/** The lowest block of ports that no live task has and nobody listens on. Called under the git lock. */
async function freePorts(context: Context): Promise<Workplace['ports']> {
  const { from, count } = context.config.ports
  const taken = new Set(listTasks(context.paths).tasks.map((task) => task.status.workplace?.ports.base))
  for (let base = from; base + count <= 65_536; base += count) {
    if (!taken.has(base) && (await isFree(base))) return { base, count }
  }
  return { base: from, count }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Runs `worktree.setup` once per worktree. Returns the failure, or the task with its set-up done. */
export async function setUp(
  context: Context,
  task: Task,
  interrupt: Interrupt,
): Promise<{ task: Task; failure: TaskFailure | null }> {
  const { workplace } = task.status
  const command = context.config.worktree.setup
  if (!workplace || workplace.prepared) return { task, failure: null }
  if (command !== null) {
    const paths = task.paths.attempt(task.status.attempt)
    makeDirectory(paths.directory)
    const outcome = await withBuildTurn(
      context,
      { task: task.id, command, wait: Infinity, signal: interrupt.signal },
      async (turn) =>
        await runCommand(command, {
          cwd: workplace.worktree,
          env: { ...(await environmentOf(context, task)), ...turn.env },
          turn: turn.fd,
          log: paths.setup,
          minutes: context.config.worktree.setup_minutes,
          task,
          abort: interrupt.signal,
        }),
    )
    if (outcome?.exit_code !== 0) {
      const how = outcome?.timed_out
        ? 'took too long'
        : `ended with ${outcome?.exit_code ?? outcome?.signal ?? 'no result'}`
      return {
        task,
        failure: {
          class: 'setup-failed',
          message: `worktree.setup (${command}) ${how}; its output: ${paths.setup}`,
          retryable: false,
          retry_at: null,
          detail: tail(readTail(paths.setup, 8192).toString(), 4096),
        },
      }
    }
  }
  return { task: amend(task, { workplace: { ...workplace, prepared: true } }), failure: null }
}
