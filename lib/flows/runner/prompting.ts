/** What a worker is told at its start, read from the task's files. */
import { Failure } from '../../kit/errors.ts'
import { lessonsFor } from '../../rules/lessons.ts'
import { composeNews } from '../../rules/news.ts'
import { composePrompt, type SpecChange } from '../../rules/prompt.ts'
import { failureToTell } from '../../rules/retry.ts'
import { readCheckpoint } from '../../state/checkpoints.ts'
import { readLessons } from '../../state/lessons.ts'
import type { Message } from '../../state/message-file.ts'
import { toldEarlier, withQuestions } from '../../state/messages.ts'
import type { Settings } from '../../state/schema/status.ts'
import { readBody, readSpec } from '../../state/spec.ts'
import type { Task } from '../../state/tasks.ts'
import { subjects } from '../../tools/git/changes.ts'
import { lineDiff } from '../../tools/git/line-diff.ts'
import type { Context } from '../context.ts'
import { textsAnyway } from '../texts.ts'
import { exitOf } from './thread.ts'

/** For a worker that begins anew. */
export async function promptFor(context: Context, task: Task, messages: readonly Message[]): Promise<string> {
  const { workplace, settings } = task.status
  return composePrompt({
    say: textsAnyway(context),
    status: task.status,
    taskDirectory: task.paths.directory,
    body: readBody(task.paths.spec),
    specPath: task.paths.spec,
    change: await changeOf(context, task),
    checkpoint: readCheckpoint(task.paths),
    checkpointPath: task.paths.checkpoint,
    messages: withQuestions(task.paths, messages),
    told: withQuestions(task.paths, toldEarlier(task.paths)),
    seenDirectory: task.paths.inboxSeen,
    failure: task.status.failure,
    lessons: await rulesFor(context, settings),
    lessonsDirectory: context.paths.lessons,
    maxBytes: context.config.prompt.max_bytes,
    // Nothing can be there before the first.
    done:
      workplace && task.status.attempt > 1
        ? await subjects(context.repo, `refs/heads/${settings.base.branch}`, workplace)
        : [],
  })
}

/** A lesson that cannot be read is told to nobody; `lesson list` and doctor say so. */
async function rulesFor({ paths }: Context, settings: Settings): Promise<string[]> {
  const { lessons } = await readLessons(paths)
  return lessonsFor(lessons, settings).map(({ rule }) => rule)
}

/** What the worker's thread does not know. */
export async function newsFor(
  context: Context,
  { status, paths }: Task,
  messages: readonly Message[],
): Promise<string> {
  const before = exitOf({ paths }, status.attempt - 1)?.failure ?? null
  return composeNews({
    say: textsAnyway(context),
    status,
    refined: status.told_revision < status.spec_revision ? readBody(paths.spec) : null,
    specPath: paths.spec,
    failure: before && failureToTell(status, before) === before ? before : null,
    messages: withQuestions(paths, messages),
    seenDirectory: paths.inboxSeen,
    lessons: await rulesFor(context, status.settings),
    lessonsDirectory: context.paths.lessons,
    maxBytes: context.config.prompt.max_bytes,
  })
}

/** Since the revision that the last worker was told; null when that is the one that counts, or there was none. */
async function changeOf(context: Context, { status, paths }: Task): Promise<SpecChange | null> {
  const { told_revision: told, spec_revision: revision } = status
  if (told < 1 || told >= revision) return null
  const before = paths.oldSpec(told)
  try {
    return { before, diff: await lineDiff(context.repo, paths.log, readSpec(before), readSpec(paths.spec)) }
  } catch (error) {
    // Somebody has spoilt the old one; that the new one is new still has to be told.
    if (!(error instanceof Failure && error.code === 'corrupt-file')) throw error
    return { before, diff: '(The old one cannot be read any more.)' }
  }
}
