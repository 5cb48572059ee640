/** Sends what is under review back to its worker, with the reason. */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import { messageLimit } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { reload, type Task } from '../state/tasks.ts'
import { underReview } from './accept.ts'
import { advance } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { dispatch } from './dispatch.ts'
import { clearStop } from './runner/interrupt.ts'
import { settle } from './settle.ts'
import type { Spawned } from './spawn.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { withTask } from './take.ts'

/** No try is used up: a person decided, and may do so as often as they like. */
export async function reject(context: Context, id: string, why: string): Promise<Spawned> {
  checkReason(why)
  const { alive } = await settle(context)
  await trustRepository(context, alive.size > 0)
  const queued = await withTask(context, id, 'rejected', async (task) => {
    underReview(task, 'reject')
    clearStop(task.paths)
    tell(task, why)
    const what = task.status.settings.plan ? 'plan' : 'change'
    return advance(context, task, 'queued', `rejected: ${oneLine(why, 200)}`, {
      epoch: task.status.epoch + 1,
      lost: 0,
      not_before: null,
      change: null,
      failure: {
        class: 'rejected',
        message: `the ${what} was read, and rejected: ${oneLine(why, 300)}`,
        retryable: true,
        retry_at: null,
        detail:
          what === 'plan'
            ? `It is in ${task.paths.report}. Give the whole of a better one as your last message.`
            : null,
      },
    })
  })
  const { blocked } = await dispatch(context)
  await ensureSupervisor(context)
  return { task: reload(context.paths, id) ?? queued, created: true, blocked: blocked.get(id) ?? null }
}

/** First: a reason that is told without a rejection does no harm. Typed again, it is the same message. */
function tell(task: Task, why: string): void {
  const hash = createHash('sha256').update(why).digest('hex').slice(0, 8)
  post(task.paths, {
    id: `rejected-${task.status.attempt}-${hash}`,
    from: 'orchestrator',
    kind: 'note',
    text: why,
  })
}

function checkReason(why: string): void {
  const hint = "The worker is told it: dirigent reject ID 'Use the parser that is there.'"
  if (why.trim() === '') throw new Failure('bad-message', 'the reason says nothing', { hint })
  if (Buffer.byteLength(why) > messageLimit)
    throw new Failure('bad-message', `the reason is longer than ${messageLimit} bytes`, { hint })
}
