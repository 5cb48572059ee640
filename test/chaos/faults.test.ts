/*
 * Seen to fail, each mended since: a raw EIO that reached the command line (a stack trace and the code `bug`); a
 * runner that failed its task for a full or failing disk, which somebody then had to respawn (`crashed` in
 * lib/flows/runner/run.ts without `diskTrouble`: 12 of 30 faults); a branch that stayed because a git died while
 * it removed it (`deleteBranch`); a git that died after it had made the branch of a worktree, so that the branch
 * seemed to be somebody else's (`addWorktree`).
 */
import { scenario } from './faults.ts'
import { prove } from './proof.ts'

prove('a failing system call leaves the old state or the new one, and the next command goes on', scenario)
