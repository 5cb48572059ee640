/**
 * Moves the base by compare-and-swap, and the main checkout with it. Files go first: a move that is cut short
 * between them and the branch is then recognised, and finished or put back.
 */
import { checkOwner } from '../../state/owner.ts'
import { stateDirectoryName } from '../../state/paths.ts'
import { listTasks, type Task } from '../../state/tasks.ts'
import { skillName, skillPath } from '../../tools/claude/project.ts'
import { changedInCheckout, checkoutState, moveCheckout, worktreesOn } from '../../tools/git/checkout.ts'
import { baseTips, landedRef, moveBranch, noteLanded } from '../../tools/git/refs.ts'
import { trail } from '../advance.ts'
import type { Context } from '../context.ts'

/** `overtaken`: somebody else moved the base meanwhile. `blocked`: something of a person's is in the way. */
export type Moved = 'moved' | 'overtaken' | { readonly blocked: string }

/** Settings, lessons and the skill count as they lie in the main checkout; who commits them, and when, is no matter. */
const ours = [`${stateDirectoryName}/`, `${skillPath('', skillName)}/`]

/**
 * Under the land lock. Throws `stale-epoch` when somebody else has taken the task over meanwhile.
 * @param local the base's tip as it was seen; null when there is no local branch yet
 * @param before the commit that this task was landing when it was cut short, if it was
 */
export async function moveBase(
  context: Context,
  task: Task,
  local: string | null,
  before: string | null,
): Promise<Moved> {
  const { base } = task.status.settings
  const commit = task.status.change?.commit
  if (!commit) throw new Error(`${task.id} has nothing to land`)
  const elsewhere = leftBehind(context, base.branch)
  if (elsewhere !== null) return { blocked: elsewhere }
  checkOwner(task)
  const brought = local === null ? 'elsewhere' : await bringCheckout(context, task, local, commit, before)
  if (typeof brought === 'object') return brought
  const why = `dirigent: landed ${task.id}`
  checkOwner(task)
  if (await moveBranch(context.repo, base.branch, commit, local, why, [landedRef(base.branch)]))
    return 'moved'
  const now = await baseTips(context.repo, base)
  // git can fail after it has moved the branch: a log that cannot be written, a second ref that is locked.
  if (now.local === commit) {
    await noteLanded(context.repo, base.branch, commit)
    return 'moved'
  }
  if (now.local && brought === 'brought') await moveCheckout(context.repo, commit, now.local, false)
  return 'overtaken'
}

/** The files of the main checkout, when the base is checked out there and nothing of a person's would be lost. */
async function bringCheckout(
  context: Context,
  task: Task,
  local: string,
  commit: string,
  before: string | null,
): Promise<'brought' | 'elsewhere' | { readonly blocked: string }> {
  const { branch } = task.status.settings.base
  const tried = before !== null
  const seen = await checkoutState(context.repo, branch, commit, tried, ours)
  if (seen === 'elsewhere') return seen
  if (seen === 'dirty' && !(await undoCutShort(context, task, local, before)))
    return {
      // What to do comes first: where there is little room the end is cut.
      blocked: `commit or stash ${someOf(await changedInCheckout(context.repo, commit, ours))} in the main checkout, then: dirigent land ${task.id}`,
    }
  const refused = await moveCheckout(context.repo, local, commit, seen === 'interrupted', tried)
  return refused === null ? 'brought' : { blocked: `the main checkout could not follow: ${refused}` }
}

const someOf = (files: readonly string[]): string =>
  `${files.slice(0, 3).join(', ')}${files.length > 3 ? ' …' : ''}`

function leftBehind(context: Context, branch: string): string | null {
  const [first] = worktreesOn(context.repo, branch)
  return first === undefined
    ? null
    : `${branch} is checked out in the worktree ${first}, which would be left behind`
}

/**
 * What will be in the way of a landing that waited for a person, for sure, or null: seen before a runner is started for
 * it. The runner looks again, under the land lock.
 */
export async function inTheWay(context: Context, task: Task): Promise<string | null> {
  const { branch } = task.status.settings.base
  const elsewhere = leftBehind(context, branch)
  const commit = task.status.change?.commit
  if (elsewhere !== null || !commit) return elsewhere
  // What a landing that was cut short has left there is put back, or finished.
  for (const tried of [commit, ...commitsLanding(context, task)])
    if ((await checkoutState(context.repo, branch, tried, true, ours)) !== 'dirty') return null
  const files = await changedInCheckout(context.repo, commit, ours)
  const theirs = files.filter((file) => !ours.some((directory) => file.startsWith(directory)))
  return theirs.length === 0 ? null : `${someOf(theirs)} in the main checkout has uncommitted changes`
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
  for (const commit of [before, ...commitsLanding(context, task)]) {
    if (commit === null) continue
    if ((await checkoutState(context.repo, branch, commit, true, ours)) !== 'interrupted') continue
    if ((await moveCheckout(context.repo, commit, local, true, true)) !== null) continue
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

/** What other tasks were landing when somebody last heard of them. */
const commitsLanding = (context: Context, task: Task): string[] =>
  listTasks(context.paths)
    .tasks.filter(({ id, status }) => id !== task.id && status.state === 'landing')
    .flatMap(({ status }) => (status.change?.state === 'merging' ? (status.change.commit ?? []) : []))
