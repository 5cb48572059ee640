/**
 * A checkpoint for an attempt that ended without success and wrote none of its own: from its commits, what is
 * uncommitted, its last commands and its last words. What a worker wrote itself in an earlier attempt is carried on.
 *
 * Called when the attempt has led nowhere, and once more before the next one begins: whoever did the first may have
 * died before it. Everything is read from files, so it comes to the same, and once it is written it is not again.
 */
import { Failure } from '../../kit/errors.ts'
import { lookAt } from '../../kit/read.ts'
import { type Command, checkpointLimit, positionText } from '../../rules/checkpoint.ts'
import {
  automaticOf,
  checkpointHash,
  longestMark,
  readCheckpoint,
  writeAutomatic,
} from '../../state/checkpoints.ts'
import { readRecord } from '../../state/record.ts'
import { refs } from '../../state/schema/attempt.ts'
import type { Task } from '../../state/tasks.ts'
import { diffWithUntracked, subjects } from '../../tools/git/changes.ts'
import { isThere } from '../../tools/git/door.ts'
import { headOf } from '../../tools/git/worktrees.ts'
import type { EventReader } from '../../tools/workers/worker.ts'
import { trail } from '../advance.ts'
import type { Context } from '../context.ts'
import { workerOf } from '../worker.ts'
import { eventsIn, replayStream } from './stream.ts'
import { exitOf } from './thread.ts'

export async function keepPosition(context: Context, task: Task, attempt: number): Promise<void> {
  const { stream } = task.paths.attempt(attempt)
  // What a planner leaves is its report.
  if (task.status.settings.plan || attempt < 1) return
  if (!lookAt(stream)?.size || wroteItself(task, attempt)) return
  const worker = workerOf(context, task)
  const commands = commandsIn(stream, worker.events())
  const words = replayStream(stream, 0, worker.events()).lastMessage
  const { commits, changes, moved } = await leftIn(context, task, attempt)
  // Nothing happened: what there is says more.
  if (commands.length === 0 && words === null && changes === '' && !moved) return
  const failure = exitOf(task, attempt)?.failure ?? task.status.failure
  const ended = failure ? `${failure.class}: ${failure.message}` : 'its turn was over'
  writeAutomatic(task.paths, attempt, (own, ownPath) =>
    positionText(
      { attempt, ended, commits, changes, words, commands, own, ownPath },
      checkpointLimit - longestMark,
    ),
  )
  trail(context, task, 'checkpoint', `attempt ${attempt} wrote none; written from what it left`)
}

/** Or has it been written for it already? */
function wroteItself({ paths }: Task, attempt: number): boolean {
  const current = readCheckpoint(paths)
  if (current === null) return false
  const automatic = automaticOf(current)
  if (automatic) return automatic.attempt >= attempt
  return checkpointHash(current) !== hashAtStart(paths.attempt(attempt).refs, current)
}

/** What is not known any more counts as unchanged: nothing is lost by carrying it on. */
function hashAtStart(path: string, current: string): string | null {
  try {
    const known = readRecord(path, refs)
    if (known) return known.checkpoint
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
  return checkpointHash(current)
}

const commandsKept = 8

function commandsIn(stream: string, reader: EventReader): Command[] {
  const commands = new Map<string, Command>()
  for (const event of eventsIn(stream, reader)) {
    if (event.kind === 'tool-started' && event.tool === 'command')
      commands.set(event.id, { what: event.what, exit: null })
    const known = event.kind === 'tool-ended' ? commands.get(event.id) : undefined
    if (event.kind === 'tool-ended' && known) commands.set(event.id, { ...known, exit: event.exit })
    const [oldest] = commands.keys()
    if (commands.size > commandsKept && oldest !== undefined) commands.delete(oldest)
  }
  return [...commands.values()]
}

interface Left {
  readonly commits: readonly string[]
  readonly changes: string
  /** The branch is not where it was when the attempt began. */
  readonly moved: boolean
}

/** Nothing where the worktree is gone or git cannot read it: the next attempt is told that by itself. */
async function leftIn({ repo }: Context, task: Task, attempt: number): Promise<Left> {
  const { workplace, settings } = task.status
  const nothing = { commits: [], changes: '', moved: false }
  if (!workplace || !isThere(workplace)) return nothing
  try {
    const head = await headOf(repo, workplace)
    if (head === null) return nothing
    const commits = await subjects(repo, `refs/heads/${settings.base.branch}`, workplace)
    const { text: changes } = await diffWithUntracked(repo, head, workplace, true)
    return { commits, changes, moved: head !== (exitOf(task, attempt)?.from ?? workplace.start) }
  } catch (error) {
    if (error instanceof Failure && error.code === 'git-failed') return nothing
    throw error
  }
}
