/** A planning attempt is proved by its report: it is a plan that tasks can be made of. */
import { Failure } from '../../kit/errors.ts'
import { clean, plural } from '../../kit/text.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Task } from '../../state/tasks.ts'
import { branches } from '../../tools/git/refs.ts'
import type { Context } from '../context.ts'
import { draft } from '../plan.ts'
import { checkDraft } from '../several.ts'
import { workerOf } from '../worker.ts'
import { replayStream } from './stream.ts'

/** What the worker made of it; nothing of it is run, so there are no checks. */
export async function judgePlan(
  context: Context,
  task: Task,
): Promise<{ readonly failure: TaskFailure } | { readonly failure: null; readonly ready: string }> {
  // Its own last words: the report in the task's directory may be of an attempt before.
  const words = replayStream(
    task.paths.attempt(task.status.attempt).stream,
    0,
    workerOf(context, task).events(),
  ).lastMessage
  if (words === null) return { failure: bad(task, 'it ended without a word', '') }
  try {
    const drafted = await draft(context, task, clean(words).trim())
    checkDraft(context, task, drafted, await branches(context.repo))
    const ids = drafted.tasks.map(({ id }) => id)
    return {
      failure: null,
      ready: drafted.several
        ? `a plan of ${plural(ids.length, 'task')} is ready: ${ids.join(', ')}`
        : 'a plan is ready: a spec for this task',
    }
  } catch (error) {
    if (!(error instanceof Failure) || !worker.includes(error.code)) throw error
    return { failure: bad(task, error.message, error.hint) }
  }
}

/** What another plan can mend. */
const worker = ['bad-spec', 'bad-id', 'needs-unknown', 'needs-cycle', 'branch-taken', 'id-taken']

function bad(task: Task, message: string, hint: string): TaskFailure {
  return {
    class: 'bad-plan',
    message: `its report is no plan: ${message}`,
    retryable: true,
    retry_at: null,
    detail:
      `${hint}\nThe report is in ${task.paths.report}: mend it, and give the whole of it as your last message.`.trim(),
  }
}
