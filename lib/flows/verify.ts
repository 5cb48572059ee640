/**
 * Done means proved: what the worker left is committed, a commit exists where one is wanted, the checks
 * exit 0 in front of our eyes. Takes a `verifying` task on to landing, review or done, or back.
 */
import { existsSync } from 'node:fs'
import { plural } from '../kit/text.ts'
import { outsidePaths, steeringFiles } from '../rules/reach.ts'
import { writeRecord } from '../state/record.ts'
import type { Check, Result } from '../state/schema/attempt.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Workplace } from '../state/schema/status.ts'
import type { Task } from '../state/tasks.ts'
import { commitAll, compare, type DiffFigures, snapshot, uncommitted } from '../tools/git/changes.ts'
import { baseTips, isAncestor, keep, mergeBase, treeOf } from '../tools/git/refs.ts'
import { attachBranch, headOf, identity, restoreWorktree, unfinished } from '../tools/git/worktrees.ts'
import { advance, flag, trail } from './advance.ts'
import { runChecks } from './checks.ts'
import { type Context, now } from './context.ts'
import { fail } from './fail.ts'
import type { Interrupt } from './interrupt.ts'

export async function verify(context: Context, begun: Task, interrupt: Interrupt): Promise<Task> {
  const { workplace } = begun.status
  if (!workplace || !existsSync(workplace.worktree)) {
    return fail(context, begun, problem('lost', 'its worktree is gone', true), interrupt)
  }
  await restoreWorktree(context.repo, workplace, workplace.branch)
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
  return await proveChange(context, gathered, workplace, interrupt)
}

interface Gathered {
  readonly task: Task
  readonly leftovers: readonly string[]
}

/** Everything in the worktree becomes part of the branch. */
async function gather(context: Context, task: Task, workplace: Workplace): Promise<Gathered> {
  await adoptHead(context, task, workplace)
  const left = await uncommitted(context.repo, workplace, workplace.included)
  if (left.length === 0 || task.status.settings.change === 'none') return { task, leftovers: left }
  const message = `Leftovers of ${task.status.title}\n\nThe worker ended with these uncommitted; they were committed on its behalf.`
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
    `${plural(left.length, 'uncommitted file')} committed as ${commit.slice(0, 10)}: ${left.slice(0, 10).join(', ')}`,
  )
  return {
    task: flag(
      context,
      task,
      `the worker left ${plural(left.length, 'file')} uncommitted; committed on its behalf`,
    ),
    leftovers: left,
  }
}

/** A worker that ended on another branch or on none: its commits count when they stand on our branch. */
async function adoptHead(context: Context, task: Task, workplace: Workplace): Promise<void> {
  const head = await headOf(context.repo, workplace)
  const tip = await headOf(context.repo, workplace, `refs/heads/${workplace.branch}`)
  if (head === null) return
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
  const { checks, failure } = await runChecks(context, reported, 'checks', interrupt)
  if (failure) return fail(context, reported, failure, interrupt)
  publish(reported, {
    commit: null,
    tree: null,
    base: workplace.start,
    checks,
    diff: null,
    leftovers: [...leftovers],
    outside: [],
  })
  return advance(context, reported, 'done', 'the report is in report.md', { failure: null, activity: null })
}

async function proveChange(
  context: Context,
  gathered: Gathered,
  workplace: Workplace,
  interrupt: Interrupt,
): Promise<Task> {
  const { settings } = gathered.task.status
  const head = await headOf(context.repo, workplace)
  const tips = await baseTips(context.repo, settings.base)
  const base = head && (await mergeBase(context.repo, tips.fresh, head))
  if (!head || !base)
    return fail(
      context,
      gathered.task,
      problem('no-commit', 'The branch has no history in common with its base', true),
      interrupt,
    )
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
  const steering = steeringFiles(files, settings.paths)
  const noted =
    outside.length > 0
      ? flag(context, gathered.task, `changed outside its paths: ${outside.slice(0, 5).join(', ')}`)
      : gathered.task
  const { checks, failure } = await runChecks(context, noted, 'checks', interrupt)
  if (failure) return fail(context, noted, failure, interrupt)
  publish(noted, {
    commit: head,
    tree: await treeOf(context.repo, head),
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
      `it changes files that steer agents or CI (${which}); read the diff, then land it or cancel it`,
      done,
    )
  }
  return advance(context, noted, 'landing', 'proved; landing', done)
}

type Proof = Pick<Result, 'commit' | 'tree' | 'base' | 'leftovers' | 'outside'> & {
  readonly checks: readonly Check[]
  readonly diff: DiffFigures | null
}

/** result.json of the task is that of its newest attempt; each attempt keeps its own beside its log. */
function publish(task: Task, proof: Proof): void {
  const { attempt, epoch, usage } = task.status
  const result: Result = {
    version: 1,
    task: task.id,
    attempt,
    epoch,
    at: now(),
    ...proof,
    checks: [...proof.checks],
    usage,
  }
  writeRecord(task.paths.attempt(attempt).result, result)
  writeRecord(task.paths.result, result)
}

function problem(kind: TaskFailure['class'], message: string, retryable: boolean): TaskFailure {
  return { class: kind, message, retryable, retry_at: null, detail: null }
}
