/**
 * Scoreboard: random kills over everything; two live workers for one task.
 *
 * Seen to fail: with a guard that takes a landing cut short for a worker's doing, by merged tasks whose commits are
 * not on main; with one --force for `worktree add`, by a task that cannot go on; with a flock or a git whose death
 * is an answer, by tasks that need a person; without `backForMail`, by messages that were in no prompt.
 */
import { prove } from './proof.ts'
import { scenario } from './storm.ts'

prove(
  'loses nothing acknowledged, does nothing twice and needs nobody, whatever is killed at whatever moment',
  scenario,
)
