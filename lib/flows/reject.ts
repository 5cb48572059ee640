/** Sends what is under review back to its worker, with the reason. */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import { messageLimit } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { findTask } from '../state/paths.ts'
import { reload, type Task } from '../state/tasks.ts'
import { underReview } from './accept.ts'
import { advance } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { dispatch } from './dispatch.ts'
import { shownPlan } from './plan.ts'
import { clearStop } from './runner/interrupt.ts'
import { areWorkersAbout, settle } from './settle.ts'
import type { Spawned } from './spawn.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { withTask } from './take.ts'
import { checkTexts } from './texts.ts'

/** No try is used up: somebody decided, and may do so as often as they like. */
export async function reject(context: Context, id: string, why: string): Promise<Spawned> {
  checkReason(why)
  checkTexts(context)
  const settled = await settle(context)
  await trustRepository(context, () => areWorkersAbout(settled))
  const queued = await withTask(context, id, 'rejected', async (task) => {
    underReview(task, 'reject')
    const { plan } = task.status.settings
    if (plan) await checkNotBegun(context, task)
    clearStop(task.paths)
    tell(task, why)
    return advance(context, task, 'queued', `rejected: ${oneLine(why, 200)}`, {
      epoch: task.status.epoch + 1,
      lost: 0,
      not_before: null,
      change: null,
      failure: {
        class: 'rejected',
        message: `the ${plan ? 'plan' : 'change'} was read and rejected: ${oneLine(why, 300)}`,
        retryable: true,
        retry_at: null,
        detail: plan
          ? `It is in ${task.paths.report}. Give the whole of a better one as your last message.`
          : null,
      },
    })
  })
  const { blocked } = await dispatch(context)
  await ensureSupervisor(context)
  return { task: reload(context.paths, id) ?? queued, created: true, blocked: blocked.get(id) ?? null }
}

/** An `accept` that was cut short may have made some of its tasks: another plan would come on top of them. */
async function checkNotBegun(context: Context, task: Task): Promise<void> {
  const { tasks } = await shownPlan(context, task)
  // Ids of a plan are free, or its own.
  const made = tasks.filter(({ id }) => id !== task.id && findTask(context.paths, id)).map(({ id }) => id)
  if (made.length === 0) return
  throw new Failure(
    'illegal-transition',
    `${task.id} was accepted in part: ${made.slice(0, 8).join(', ')} are there`,
    {
      hint: `Have the rest made (dirigent accept ${task.id}), or end it (dirigent stop ${task.id} --cancel).`,
      next: [`dirigent accept ${task.id}`],
    },
  )
}

/** First: a reason that is told without a rejection does no harm. Typed again, it is the same message. */
function tell(task: Task, why: string): void {
  const id = `rejected-${task.status.attempt}-${sha256(why).slice(0, 8)}`
  post(task.paths, { id, from: 'orchestrator', kind: 'note', text: why })
}

function checkReason(why: string): void {
  const hint = "The worker is told it: dirigent reject ID 'Use the parser that is there.'"
  if (why.trim() === '') throw new Failure('bad-message', 'the reason says nothing', { hint })
  if (Buffer.byteLength(why) > messageLimit)
    throw new Failure('bad-message', `the reason is longer than ${messageLimit} bytes`, { hint })
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
