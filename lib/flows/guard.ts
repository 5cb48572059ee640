/**
 * Branches that a worker has no business with: compared after each attempt; one that moved without an
 * explanation is put back, what it pointed to is kept, and the task says so.
 */
import { matchesAny } from '../rules/reach.ts'
import type { Task } from '../state/tasks.ts'
import { madeInMainCheckout } from '../tools/git/checkout.ts'
import { keep, landedRef, listRefs, restoreRef } from '../tools/git/refs.ts'
import { refuseChanges } from '../tools/git/trusted.ts'
import { flag, trail } from './advance.ts'
import type { Context } from './context.ts'

/** @param before refs/heads/* when the worker started */
export async function guardRefs(
  context: Context,
  task: Task,
  before: ReadonlyMap<string, string>,
): Promise<Task> {
  let guarded = task
  if (refuseChanges(context.repo.gitDir, context.repo.trusted)) {
    guarded = flag(
      context,
      guarded,
      'the repository’s git configuration changed while a worker ran; Dirigent goes on with what it knew (accept it: dirigent init)',
    )
  }
  for (const move of await unexplained(context, guarded, before))
    guarded = await putBack(context, guarded, move)
  return guarded
}

interface Move {
  readonly branch: string
  readonly was: string
  /** Null: deleted. */
  readonly is: string | null
}

async function unexplained(
  context: Context,
  task: Task,
  before: ReadonlyMap<string, string>,
): Promise<readonly Move[]> {
  const after = await listRefs(context.repo, ['refs/heads', 'refs/remotes', 'refs/dirigent/landed'])
  return [...before]
    .map(([name, was]) => ({ branch: name.slice('refs/heads/'.length), was, is: after.get(name) ?? null }))
    .filter(({ branch, was, is }) => is !== was && isProtected(context, task, branch))
    .filter(({ branch, is }) => is === null || !explained(context, branch, is, after))
}

async function putBack(context: Context, task: Task, { branch, was, is }: Move): Promise<Task> {
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

/** Moved by a landing of ours, by the owner in the main checkout, or by the owner's fetch. */
function explained(context: Context, branch: string, is: string, refs: ReadonlyMap<string, string>): boolean {
  if (refs.get(`refs/dirigent/${landedRef(branch)}`) === is) return true
  if (madeInMainCheckout(context.repo, is)) return true
  return [...refs].some(
    ([name, commit]) => commit === is && name.startsWith('refs/remotes/') && name.endsWith(`/${branch}`),
  )
}
