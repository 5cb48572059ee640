/**
 * Done means proved: what the worker left is committed, a commit exists where one is wanted, the checks
 * exit 0 in front of our eyes. Takes a `verifying` task on to landing, review or done, or back.
 */
import { plural } from '../../kit/text.ts'
import { outsidePaths, steeringFiles } from '../../rules/reach.ts'
import { stateDirectoryName } from '../../state/paths.ts'
import { publishResult } from '../../state/publish.ts'
import type { Check, Result } from '../../state/schema/attempt.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Workplace } from '../../state/schema/status.ts'
import type { Task } from '../../state/tasks.ts'
import { commitAll, compare, type DiffFigures, inspect, snapshot } from '../../tools/git/changes.ts'
import { baseTips, isAncestor, keep, standing } from '../../tools/git/refs.ts'
import { attachBranch, headOf, identity, restoreWorktree, unfinished } from '../../tools/git/worktrees.ts'
import { advance, flag, trail } from '../advance.ts'
import { type Context, now } from '../context.ts'
import { runChecks } from './checks.ts'
import { fail } from './fail.ts'
import type { Interrupt } from './interrupt.ts'
import { backForMail } from './mail.ts'
import { ownPlace } from './own-place.ts'
import { judgePlan } from './prove-plan.ts'

export async function verify(context: Context, begun: Task, interrupt: Interrupt): Promise<Task> {
  const back = backForMail(context, begun)
  if (back) return back
  const workplace = ownPlace(context, begun)
  const standing =
    workplace && (await restoreWorktree(context.repo, workplace, workplace.branch, workplace.start))
  if (!workplace || standing === 'gone')
    return fail(context, begun, problem('lost', 'its worktree is gone', true), interrupt)
  const operation = unfinished(workplace)
  if (operation) {
    return fail(
      context,
      begun,
      problem(
        'conflict',
        `The worker ended in the middle of a ${operation}; finish it or abort it first`,
        true,
      ),
      interrupt,
    )
  }
  const gathered = await gather(context, begun, workplace)
  if (begun.status.settings.change === 'none')
    return await proveReport(context, gathered, workplace, interrupt)
  return await proveChange(context, gathered, interrupt)
}

interface Gathered {
  readonly task: Task
  /** The branch's tip with everything in it; null when there is no commit at all. */
  readonly head: string | null
  readonly leftovers: readonly string[]
}

/** Everything in the worktree becomes part of the branch. */
async function gather(context: Context, task: Task, workplace: Workplace): Promise<Gathered> {
  const { head, branch, dirty, embedded } = await inspect(context.repo, workplace)
  if (head !== null && branch !== workplace.branch) await adoptHead(context, task, workplace, head)
  let noted = task
  const leftovers = dirty.filter((path) => !workplace.included.includes(path))
  if (embedded.length > 0)
    noted = flag(
      context,
      noted,
      `a repository inside the worktree is not part of the change: ${embedded.slice(0, 5).join(', ')}`,
    )
  if (leftovers.length === 0 || task.status.settings.change === 'none')
    return { task: noted, head, leftovers }
  const what = plural(leftovers.length, 'uncommitted file')
  // A worker that committed nothing itself has left the whole change.
  const subject = head === workplace.start ? task.status.title : `Leftovers of ${task.status.title}`
  const message = `${subject}\n\nThe worker ended with these uncommitted; they were committed on its behalf.`
  const commit = await commitAll(
    context.repo,
    workplace,
    message,
    await identity(context.repo),
    workplace.included,
  )
  trail(
    context,
    task,
    'leftovers',
    `${what} committed as ${commit.slice(0, 10)}: ${leftovers.slice(0, 10).join(', ')}`,
  )
  return {
    task: flag(context, noted, `the worker left ${what}; committed on its behalf`),
    head: commit,
    leftovers,
  }
}

/** A worker that ended on another branch or on none: what its worktree is at counts; what that leaves out is kept. */
async function adoptHead(context: Context, task: Task, workplace: Workplace, head: string): Promise<void> {
  const tip = await headOf(context.repo, workplace, `refs/heads/${workplace.branch}`)
  if (tip !== null && head !== tip && !(await isAncestor(context.repo, tip, head))) {
    const kept = await keep(context.repo, task.id, tip)
    trail(
      context,
      task,
      'kept',
      `${kept}: ${workplace.branch} as it was; the worker's worktree is at another commit, which counts`,
    )
  }
  await attachBranch(context.repo, workplace, workplace.branch, head)
}

async function proveReport(
  context: Context,
  { task, leftovers }: Gathered,
  workplace: Workplace,
  interrupt: Interrupt,
): Promise<Task> {
  let reported = task
  const kept = await snapshot(context.repo, workplace, task.id, workplace.start, await identity(context.repo))
  if (kept)
    reported = flag(
      context,
      reported,
      `a report was wanted, yet the worker changed files; kept as ${kept}, not landed`,
    )
  const plan = task.status.settings.plan ? await judgePlan(context, reported) : null
  const { checks, failure } = plan
    ? { checks: [], failure: plan.failure }
    : await runChecks(context, reported, 'checks', interrupt)
  if (failure) return fail(context, reported, failure, interrupt)
  // It does not land, which is where a change is held up for what came while it was checked.
  const back = backForMail(context, reported)
  if (back) return back
  publish(reported, {
    commit: null,
    tree: null,
    base: workplace.start,
    checks,
    diff: null,
    leftovers: [...leftovers],
    outside: [],
  })
  const done = { failure: null, activity: null }
  if (plan?.failure === null) return advance(context, reported, 'review', plan.ready, done)
  return advance(context, reported, 'done', 'the report is in report.md', done)
}

async function proveChange(context: Context, gathered: Gathered, interrupt: Interrupt): Promise<Task> {
  const { settings } = gathered.task.status
  const { head } = gathered
  const tips = await baseTips(context.repo, settings.base)
  const stand = head === null ? null : await standing(context.repo, tips.fresh, head)
  if (head === null || !stand?.base)
    return fail(
      context,
      gathered.task,
      problem('no-commit', 'The branch has no history in common with its base', true),
      interrupt,
    )
  const { base, tree } = stand
  const { paths: files, figures } = await compare(context.repo, base, head)
  if (files.length === 0) {
    return fail(
      context,
      gathered.task,
      problem('no-commit', 'The worker ended without committing any change, and one was wanted', true),
      interrupt,
    )
  }
  const outside = outsidePaths(files, settings.paths)
  const steering = steeringFiles(files, settings.paths, [`${stateDirectoryName}/**`])
  const noted =
    outside.length > 0
      ? flag(context, gathered.task, `changed outside its paths: ${outside.slice(0, 5).join(', ')}`)
      : gathered.task
  const { checks, failure } = await runChecks(context, noted, 'checks', interrupt)
  if (failure) return fail(context, noted, failure, interrupt)
  publish(noted, {
    commit: head,
    tree,
    base,
    checks,
    diff: figures,
    leftovers: [...gathered.leftovers],
    outside,
  })
  const done = { failure: null, activity: null, lost: 0 }
  if (steering.length > 0) {
    const which = steering.slice(0, 5).join(', ')
    return advance(
      context,
      noted,
      'review',
      `it changes files that steer agents or CI (${which}); read the diff, then accept or reject it`,
      done,
    )
  }
  return advance(context, noted, 'landing', 'proved; landing', done)
}

type Proof = Pick<Result, 'commit' | 'tree' | 'base' | 'leftovers' | 'outside'> & {
  readonly checks: readonly Check[]
  readonly diff: DiffFigures | null
}

function publish(task: Task, proof: Proof): void {
  const { attempt, epoch, usage } = task.status
  publishResult(task, {
    version: 1,
    task: task.id,
    attempt,
    epoch,
    at: now(),
    ...proof,
    checks: [...proof.checks],
    usage,
  })
}

function problem(kind: TaskFailure['class'], message: string, retryable: boolean): TaskFailure {
  return { class: kind, message, retryable, retry_at: null, detail: null }
}
