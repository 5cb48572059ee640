/**
 * Landing on this machine, one task at a time: rebase onto the base's tip, check what that made, move the
 * base by compare-and-swap, bring the main checkout along when it is clean.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { tryLock, withLock } from '../../kit/lock.ts'
import type { Status } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { compareTips, isAncestor, listRefs, noteLanded, type Tips, tipNames } from '../../tools/git/refs.ts'
import { advance, amend, trail } from '../advance.ts'
import { type Context, now } from '../context.ts'
import { interruption } from './attempt.ts'
import { fail } from './fail.ts'
import type { Interrupt } from './interrupt.ts'
import { backForMail } from './mail.ts'
import { moveBase } from './move-base.ts'
import { rebase } from './rebase.ts'
import { fetchFresh } from './workplace.ts'

/** How often a landing is tried (the base moves, the main checkout is in the way) before a person is asked. */
const mostRounds = 3

/**
 * Milliseconds: longer than a `git add` and a `git commit` take. On a machine that is slow just now that is as many times
 * as long as the look itself took; at most so long.
 */
const betweenRounds = 400
const timesTheLook = 4
const longestBetween = 10_000

export async function land(context: Context, task: Task, interrupt: Interrupt): Promise<Task> {
  const { workplace, settings } = task.status
  if (!workplace) throw new Error(`${task.id} has no worktree to land from`)
  // One that was cut short may have landed already; nobody can have written since it began.
  const back = task.status.change ? null : backForMail(context, task)
  if (back) return back
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
    const fetch = () => fetchFresh(context, settings.base, asked)
    // Without a remote there is nothing to fetch, and no lock to wait for.
    const problem = settings.base.remote && (await withLock(context.paths.gitLock, 120_000, fetch))
    if (problem) trail(context, waiting, 'fetch-failed', problem)
    let before = waiting.status.change?.commit ?? null
    for (let round = 1; round <= mostRounds; round++) {
      const refs = await listRefs(context.repo, [
        ...tipNames(settings.base),
        `refs/heads/${workplace.branch}`,
      ])
      const tips = await compareTips(context.repo, settings.base, refs)
      if (await wasMoved(context, task, tips)) {
        if (tips.local !== null && tips.local === waiting.status.change?.commit)
          await noteLanded(context.repo, settings.base.branch, tips.local)
        return finish(context, waiting)
      }
      if (interrupt.signal.aborted) return fail(context, waiting, interruption(interrupt), interrupt)
      const head = refs.get(`refs/heads/${workplace.branch}`) ?? null
      const rebased = await rebase(context, waiting, workplace, head, tips, interrupt)
      if (rebased.status.state !== 'landing') return rebased
      const began = performance.now()
      const moved = await moveBase(context, rebased, tips.local, before)
      if (moved === 'moved') return finish(context, rebased)
      // Its owner may be committing just now: looked at again before they are asked.
      if (moved !== 'overtaken' && round === mostRounds) return block(context, rebased, moved.blocked)
      const took = performance.now() - began
      await delay(Math.min(longestBetween, Math.max(betweenRounds, timesTheLook * took)))
      before = rebased.status.change?.commit ?? null
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
  const change: Status['change'] = {
    state: 'ready',
    commit: task.status.change?.commit ?? null,
    onto: task.status.change?.onto ?? null,
    note,
  }
  const blocked = amend(task, { change, reason: note, activity: null, runner: null })
  // After it is so: for those who wait the line is the news.
  trail(context, blocked, 'note', `landing waits: ${note}`)
  return blocked
}
