/** Worktrees, entries and branches of ours that belong to no live task: kept, then removed. */
import { Failure } from '../../kit/errors.ts'
import { removeTree } from '../../kit/files.ts'
import { withLock } from '../../kit/lock.ts'
import { lookAt } from '../../kit/read.ts'
import type { Finding } from '../../rules/findings.ts'
import { findTask } from '../../state/paths.ts'
import { holdsNothing } from '../../state/shape.ts'
import { inspect, snapshot } from '../../tools/git/changes.ts'
import { worktreesOn } from '../../tools/git/checkout.ts'
import { isThere } from '../../tools/git/door.ts'
import { type Entry, headOfEntry, isDangling, worktreeEntries } from '../../tools/git/entries.ts'
import { checkedOut } from '../../tools/git/locate.ts'
import { keep, listRefs } from '../../tools/git/refs.ts'
import { deleteBranch, headOf, identity } from '../../tools/git/worktrees.ts'
import { branchOf, type Context } from '../context.ts'
import type { Look } from './look.ts'

/** Milliseconds; a worktree that is being made is waited for. */
const gitLockWait = 30_000

const main = ({ repo }: Context) => ({ git_dir: repo.gitDir, worktree: repo.main })

/** Everything in it is kept under the name of its task. What no git knows cannot be kept, and is left. */
export async function dropWorktreeOf({ context }: Look, id: string): Promise<void> {
  const path = context.paths.worktree(id)
  await withLock(context.paths.gitLock, gitLockWait, async () => {
    if (lookAt(context.paths.task(id).directory)) return
    if (holdsNothing(path)) return removeTree(path)
    const entry = worktreeEntries(context.repo).find(({ worktree }) => worktree === path)
    if (!entry || !isThere(entry)) {
      throw new Failure(
        'git-failed',
        `${path} is no worktree that git knows, so what is in it cannot be kept`,
        {
          hint: 'Look what is in it, then delete it.',
        },
      )
    }
    const seen = await inspect(context.repo, entry)
    if (seen.embedded.length > 0)
      throw new Failure('git-failed', `${path} has repositories inside it: ${seen.embedded.join(', ')}`, {
        hint: 'Look what is in them, and move them away.',
      })
    const start = (await headOf(context.repo, main(context))) ?? ''
    await snapshot(context.repo, entry, id, start, await identity(context.repo), seen)
    removeTree(entry.worktree)
    removeTree(entry.git_dir)
  })
}

/** The commit that its HEAD named may be nowhere else. */
export async function dropEntry({ context }: Look, entry: Entry): Promise<void> {
  await withLock(context.paths.gitLock, gitLockWait, async () => {
    if (!isDangling(entry)) return
    const head = headOfEntry(entry)
    const commit = head === '' ? null : await headOf(context.repo, main(context), head)
    if (commit && !head.startsWith('refs/heads/'))
      await keep(context.repo, entry.worktree.slice(context.paths.worktrees.length + 1), commit)
    removeTree(entry.git_dir)
  })
}

export async function branchesLeft({ context, live, broken }: Look): Promise<Finding[]> {
  const prefix = `refs/heads/${branchOf('')}`
  const known = new Set([...live, ...broken].map(({ id }) => id))
  const found: Finding[] = []
  for (const [ref, commit] of await listRefs(context.repo, [prefix])) {
    const id = ref.slice(prefix.length)
    if (known.has(id)) continue
    const branch = branchOf(id)
    const used = checkedOut(context.repo) === branch || worktreesOn(context.repo, branch).length > 0
    found.push({
      code: 'branch-without-task',
      what: `the branch ${branch} is of no live task`,
      fix: used
        ? 'It is checked out: once that worktree is gone or on another branch, --fix keeps its tip and deletes it.'
        : `Keeps its tip under refs/dirigent/kept/${id}/, then deletes it.`,
      ...(used
        ? {}
        : {
            mend: async () => {
              if (findTask(context.paths, id)?.directory === context.paths.task(id).directory) return
              await keep(context.repo, id, commit)
              await deleteBranch(context.repo, branch)
            },
          }),
    })
  }
  return found
}
