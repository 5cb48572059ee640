/**
 * Landing on this machine, one task at a time: rebase onto the base's tip, check what that made, move the
 * base by compare-and-swap, bring the main checkout along when it is clean.
 */
import { tryLock } from '../kit/lock.ts'
import { readRecord } from '../state/record.ts'
import { result as resultSchema } from '../state/schema/attempt.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status, Workplace } from '../state/schema/status.ts'
import { listTasks, type Task } from '../state/tasks.ts'
import { snapshot } from '../tools/git/changes.ts'
import { checkoutState, moveCheckout, worktreesOn } from '../tools/git/checkout.ts'
import {
  baseTips,
  compareTips,
  isAncestor,
  landedRef,
  listRefs,
  moveBranch,
  type Tips,
  tipNames,
} from '../tools/git/refs.ts'
import { replay, type TrailersFor } from '../tools/git/replay.ts'
import { attemptTrailer } from '../tools/git/trailers.ts'
import { identity, resetWorktree } from '../tools/git/worktrees.ts'
import { advance, amend, trail } from './advance.ts'
import { interruption } from './attempt.ts'
import { attemptOf } from './authorship.ts'
import { runChecks } from './checks.ts'
import { type Context, now } from './context.ts'
import { fail } from './fail.ts'
import type { Interrupt } from './interrupt.ts'
import { fetchFresh } from './workplace.ts'

/** How often the base may be moved under a landing before a person is asked. */
const mostRounds = 3

export async function land(context: Context, task: Task, interrupt: Interrupt): Promise<Task> {
  const { workplace, settings } = task.status
  if (!workplace) throw new Error(`${task.id} has no worktree to land from`)
  const waiting = amend(
    task,
    { activity: { kind: 'landing', what: `onto ${settings.base.branch}`, since: now(), last_event: now() } },
    { durable: false },
  )
  const asked = Date.now()
  // Landings behind one that runs its checks wait for it, unless they are told to stop.
  const held = await tryLock(context.paths.landLock, Infinity, interrupt.signal)
  if (!held) return fail(context, waiting, interruption(interrupt), interrupt)
  try {
    const problem = await fetchFresh(context, settings.base, asked)
    if (problem) trail(context, waiting, 'fetch-failed', problem)
    for (let round = 1; round <= mostRounds; round++) {
      const refs = await listRefs(context.repo, [
        ...tipNames(settings.base),
        `refs/heads/${workplace.branch}`,
      ])
      const tips = await compareTips(context.repo, settings.base, refs)
      if (await wasMoved(context, task, tips)) return finish(context, waiting)
      if (interrupt.signal.aborted) return fail(context, waiting, interruption(interrupt), interrupt)
      const head = refs.get(`refs/heads/${workplace.branch}`) ?? null
      const rebased = await rebase(context, waiting, workplace, head, tips, interrupt)
      if (rebased.status.state !== 'landing') return rebased
      const moved = await moveBase(context, rebased, tips, waiting.status.change?.commit ?? null)
      if (moved) return moved
    }
    return block(
      context,
      waiting,
      `${settings.base.branch} moved ${mostRounds} times while it landed; try again: dirigent land ${task.id}`,
    )
  } finally {
    held.close()
  }
}

/** A landing cut short after the base had moved is complete. */
async function wasMoved(context: Context, task: Task, tips: Tips): Promise<boolean> {
  const { change } = task.status
  const commit = change?.state === 'merging' ? change.commit : null
  return commit !== null && tips.local !== null && (await isAncestor(context.repo, commit, tips.local))
}

/** Puts the branch on the base's tip and proves it there, unless what was proved is the very same tree. */
async function rebase(
  context: Context,
  task: Task,
  workplace: Workplace,
  head: string | null,
  tips: Tips,
  interrupt: Interrupt,
): Promise<Task> {
  if (!head) return fail(context, task, conflict('its branch is gone', null), interrupt)
  const replayed = await replay(
    context.repo,
    head,
    tips.fresh,
    await trailersOf(context, task, tips.fresh),
    await identity(context.repo),
  )
  if (!replayed.ok) {
    const files = replayed.files.slice(0, 50).join('\n')
    const message = `The change conflicts with ${task.status.settings.base.branch} (now ${tips.fresh.slice(0, 12)}). Rebase your branch onto that commit (git rebase ${tips.fresh}), resolve these files, and finish.`
    return fail(
      context,
      amend(task, { change: { state: 'conflicted', commit: null, onto: tips.fresh, note: null } }),
      conflict(message, files),
      interrupt,
    )
  }
  const proved = readRecord(task.paths.result, resultSchema)
  if (replayed.commits === 0)
    return fail(
      context,
      task,
      { ...conflict('Everything in the change is in the base already', null), class: 'no-commit' },
      interrupt,
    )
  // Without checks there is nothing to prove, and so no need to bring the worktree to the new commit.
  if (proved?.tree !== replayed.tree && task.status.settings.verify.length > 0) {
    const who = await identity(context.repo)
    const kept = await snapshot(context.repo, workplace, task.id, tips.fresh, who)
    trail(
      context,
      task,
      'kept',
      `${kept}: the worktree before it was rebased onto ${tips.fresh.slice(0, 10)}`,
    )
    await resetWorktree(context.repo, workplace, workplace.branch, replayed.tip)
    const { failure } = await runChecks(context, task, 'landing', interrupt)
    if (failure) return fail(context, task, failure, interrupt)
  }
  return amend(task, { change: { state: 'merging', commit: replayed.tip, onto: tips.fresh, note: null } })
}

async function trailersOf(context: Context, task: Task, onto: string): Promise<TrailersFor> {
  const { settings, attempt } = task.status
  const attempts = await attemptOf(context, task, onto)
  return (commit) => [
    ['Dirigent-Task', task.id],
    [attemptTrailer, String(attempts.get(commit) ?? attempt)],
    ['Worker', `${settings.worker} ${settings.model ?? 'default'}`],
  ]
}

/**
 * The compare-and-swap; null when somebody else moved the base meanwhile. Files of the main checkout go
 * first: an interrupted move is then recognised and finished.
 */
async function moveBase(
  context: Context,
  task: Task,
  tips: Tips,
  before: string | null,
): Promise<Task | null> {
  const { branch } = task.status.settings.base
  const commit = task.status.change?.commit
  if (!commit) throw new Error(`${task.id} has nothing to land`)
  const elsewhere = worktreesOn(context.repo, branch)
  if (elsewhere.length > 0)
    return block(
      context,
      task,
      `${branch} is checked out in the worktree ${elsewhere[0]}, which would be left behind`,
    )
  let moved = false
  if (tips.local !== null) {
    const seen = await checkoutState(context.repo, branch, commit)
    const checkout =
      seen === 'dirty' && (await undoCutShort(context, task, tips.local, before)) ? 'clean' : seen
    if (checkout === 'dirty')
      return block(
        context,
        task,
        `the main checkout has uncommitted changes; commit or stash them, then: dirigent land ${task.id}`,
      )
    if (checkout !== 'elsewhere') {
      const refused = await moveCheckout(context.repo, tips.local, commit, checkout === 'interrupted')
      if (refused) return block(context, task, `the main checkout could not follow: ${refused}`)
      moved = true
    }
  }
  if (
    !(await moveBranch(context.repo, branch, commit, tips.local, `dirigent: landed ${task.id}`, [
      landedRef(branch),
    ]))
  ) {
    const { local } = await baseTips(context.repo, task.status.settings.base)
    if (local && moved) await moveCheckout(context.repo, commit, local, false)
    return null
  }
  return finish(context, task)
}

/**
 * A landing that was killed between the files and the branch has left its files in the main checkout. Its
 * own task recognises them, unless the base has moved since; here they are another's, or older. They are
 * put back, and that task lands again by itself. True when there was nothing else.
 * @param before the commit that this task was landing when it was cut short, if it was
 */
async function undoCutShort(
  context: Context,
  task: Task,
  local: string,
  before: string | null,
): Promise<boolean> {
  const { branch } = task.status.settings.base
  const others = listTasks(context.paths)
    .tasks.filter(({ id, status }) => id !== task.id && status.state === 'landing')
    .map(({ status }) => (status.change?.state === 'merging' ? status.change.commit : null))
  for (const commit of [before, ...others]) {
    if (commit === null || (await checkoutState(context.repo, branch, commit)) !== 'interrupted') continue
    if ((await moveCheckout(context.repo, commit, local, true)) !== null) continue
    trail(
      context,
      task,
      'note',
      `the main checkout was put back from ${commit.slice(0, 10)}, a landing cut short`,
    )
    return true
  }
  return false
}

function finish(context: Context, task: Task): Task {
  const { branch } = task.status.settings.base
  const commit = task.status.change?.commit ?? null
  trail(context, task, 'landed', `${branch} is ${commit?.slice(0, 12)}`)
  return advance(context, task, 'merged', `landed on ${branch} as ${commit?.slice(0, 12)}`, {
    change: { state: 'merged', commit, onto: task.status.change?.onto ?? null, note: null },
    activity: null,
    runner: null,
    not_before: null,
  })
}

/** Proved and ready, but something of a person's is in the way: nothing is touched, and they are told. */
function block(context: Context, task: Task, note: string): Task {
  trail(context, task, 'note', `landing waits: ${note}`)
  const change: Status['change'] = {
    state: 'ready',
    commit: task.status.change?.commit ?? null,
    onto: task.status.change?.onto ?? null,
    note,
  }
  return amend(task, { change, reason: note, activity: null, runner: null })
}

function conflict(message: string, detail: string | null): TaskFailure {
  return { class: 'conflict', message, retryable: true, retry_at: null, detail }
}
