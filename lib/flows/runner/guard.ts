/**
 * Branches that a worker has no business with: compared after each attempt; one that moved without an
 * explanation is put back, what it pointed to is kept, and the task says so.
 */
import { matchesAny } from '../../rules/reach.ts'
import { listTasks, type Task } from '../../state/tasks.ts'
import { headLogSize, madeInMainCheckout } from '../../tools/git/checkout.ts'
import { keep, landedRef, listRefs, restoreRef } from '../../tools/git/refs.ts'
import { refuseChanges } from '../../tools/git/trusted.ts'
import { flag, trail } from '../advance.ts'
import type { Context } from '../context.ts'

/** What a worker's doings are held against. */
export interface Before {
  /** refs/heads/* when the worker started. */
  readonly refs: ReadonlyMap<string, string>
  /** How long the log of the main checkout's HEAD was. */
  readonly head_log: number
}

/** Taken before a worker starts. */
export async function lookBefore(context: Context): Promise<Before> {
  const head_log = headLogSize(context.repo)
  return { refs: await listRefs(context.repo, ['refs/heads']), head_log }
}

/** Compares, puts back, keeps and says so. */
export async function guardRefs(context: Context, task: Task, before: Before): Promise<Task> {
  let guarded = task
  if (refuseChanges(context.repo.gitDir, context.repo.trusted)) {
    guarded = flag(
      context,
      guarded,
      'the repository’s git configuration changed while a worker ran; Dirigent goes on with what it knew (accept it: dirigent init)',
    )
  }
  for (const move of await unexplained(context, guarded, before))
    guarded = await putBack(context, guarded, move, before)
  return guarded
}

interface Move {
  readonly branch: string
  readonly was: string
  /** Null: deleted. */
  readonly is: string | null
}

async function unexplained(context: Context, task: Task, before: Before): Promise<readonly Move[]> {
  const after = await listRefs(context.repo, ['refs/heads', 'refs/remotes', 'refs/dirigent/landed'])
  return [...before.refs]
    .map(([name, was]) => ({ branch: name.slice('refs/heads/'.length), was, is: after.get(name) ?? null }))
    .filter(({ branch, was, is }) => is !== was && isProtected(context, task, branch))
    .filter(({ branch, is }) => is === null || !explained(context, branch, is, after, before))
    .filter(({ is }) => !isLandingOf(context, task, is))
}

async function putBack(
  context: Context,
  task: Task,
  { branch, was, is }: Move,
  before: Before,
): Promise<Task> {
  if (is !== null && madeInMainCheckout(context.repo, is, before.head_log) === null)
    return flag(
      context,
      task,
      `${branch} moved to ${is.slice(0, 10)} during the attempt, and there is no log that says by whom`,
    )
  const kept = is === null ? null : await keep(context.repo, task.id, is)
  if (kept) trail(context, task, 'kept', `${kept} is what ${branch} had been moved to`)
  const restored = await restoreRef(context.repo, branch, was, is)
  return flag(
    context,
    task,
    restored
      ? `${branch} had been ${is === null ? 'deleted' : `moved to ${is.slice(0, 10)}`} during the attempt; put back to ${was.slice(0, 10)}`
      : `${branch} moved during the attempt and could not be put back`,
  )
}

function isProtected(context: Context, task: Task, branch: string): boolean {
  return branch === task.status.settings.base.branch || matchesAny(branch, context.config.protected)
}

/**
 * Refs move one after the other, and git may be killed, or looked at, between the base and what says that we moved
 * it. The commit that another task lands is written down before.
 */
function isLandingOf(context: Context, task: Task, commit: string | null): boolean {
  return listTasks(context.paths).tasks.some(
    ({ id, status }) =>
      id !== task.id &&
      commit !== null &&
      status.change?.commit === commit &&
      ['landing', 'merged'].includes(status.state),
  )
}

/** Moved by a landing of ours, by the owner in the main checkout, or by the owner's fetch. */
function explained(
  context: Context,
  branch: string,
  is: string,
  refs: ReadonlyMap<string, string>,
  before: Before,
): boolean {
  if (refs.get(`refs/dirigent/${landedRef(branch)}`) === is) return true
  if (madeInMainCheckout(context.repo, is, before.head_log) === true) return true
  return [...refs].some(
    ([name, commit]) => commit === is && name.startsWith('refs/remotes/') && name.endsWith(`/${branch}`),
  )
}
