/** One attempt: worktree, prompt, worker, and the end of it. */
import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { goInside } from '../../kit/cgroup.ts'
import { makeOwnDirectory, openOwn, writeFileDurable } from '../../kit/files.ts'
import type { Lock } from '../../kit/lock.ts'
import { start } from '../../kit/proc.ts'
import { checkpointHash, readCheckpoint } from '../../state/checkpoints.ts'
import { inboxOf, markSeen } from '../../state/mailbox.ts'
import type { Message } from '../../state/message-file.ts'
import { deliverable, remember } from '../../state/messages.ts'
import { checkOwner } from '../../state/owner.ts'
import { writeRecord } from '../../state/record.ts'
import { finishRefinement } from '../../state/refine.ts'
import type { TaskFailure } from '../../state/schema/common.ts'
import type { Task } from '../../state/tasks.ts'
import { headOf, identity } from '../../tools/git/worktrees.ts'
import { amend, trail } from '../advance.ts'
import { type Context, now } from '../context.ts'
import { flagTexts } from '../texts.ts'
import { workerOf } from '../worker.ts'
import { overstayed } from './asking.ts'
import { attend, budgetSpent, endWorker, spent } from './attend.ts'
import { conclude, concludeLost } from './conclude.ts'
import { delivered } from './correspondence.ts'
import { fail } from './fail.ts'
import { flooded } from './flood.ts'
import { type Before, lookBefore } from './guard.ts'
import { hooksOf } from './hooks.ts'
import { type Interrupt, restartOf } from './interrupt.ts'
import { dropRemarks } from './mail.ts'
import { markOf } from './marker.ts'
import { keepPosition } from './own-checkpoint.ts'
import { newsFor, promptFor } from './prompting.ts'
import { resumable } from './thread.ts'
import { interrupted } from './urgent.ts'
import { startable } from './worker-command.ts'
import { environmentOf } from './worker-environment.ts'
import { prepareWorkplace, setUp } from './workplace.ts'

/**
 * Takes a `running` task to `verifying`, or wherever its failure leads. A worker that was already started
 * and lost is not started twice: its end is concluded from what it left.
 */
export async function attempt(
  context: Context,
  begun: Task,
  held: Lock,
  interrupt: Interrupt,
): Promise<Task> {
  if (existsSync(begun.paths.attempt(begun.status.attempt).stream)) return await concludeLost(context, begun)
  const over = spent(begun, null, 0)
  if (over) return fail(context, begun, budgetSpent(over), interrupt)
  // The three do not depend on each other, and a worker waits for all of them.
  const [ready, before] = await Promise.all([
    prepareWorkplace(context, begun),
    lookBefore(context),
    identity(context.repo),
  ])
  const prepared = await setUp(context, ready, interrupt)
  const { task } = prepared
  if (interrupt.signal.aborted) return fail(context, task, interruption(interrupt), interrupt)
  if (prepared.failure) return fail(context, task, prepared.failure, interrupt)
  return await work(context, task, held, before, interrupt)
}

async function work(
  context: Context,
  prepared: Task,
  held: Lock,
  before: Before,
  interrupt: Interrupt,
): Promise<Task> {
  const task = flagTexts(context, goingOn(context, prepared))
  const { resume } = task.status
  dropRemarks(context, task, task.status.attempt)
  finishRefinement(task)
  // Of an attempt whose runner died before it had; not of one whose work this one knows nothing of.
  if (resume === null && task.status.told_revision > 0)
    await keepPosition(context, task, task.status.attempt - 1)
  const { child, mail, from } = await launch(context, task, held, before)
  const started = now()
  const running = await noteStart(context, task, mail, child, started)
  const attended = await attend(context, running, child, interrupt)
  return await conclude(context, attended.task, {
    started,
    ended: now(),
    from,
    before,
    exitCode: attended.ended.exitCode,
    signal: attended.ended.signal,
    usage: attended.usage,
    cut: attended.overBudget
      ? budgetSpent(attended.overBudget)
      : attended.interrupted
        ? interruption(interrupt)
        : attended.urgent
          ? interrupted(attended.urgent)
          : attended.overstayed
            ? overstayed
            : attended.flooded
              ? flooded
              : null,
    interrupt,
  })
}

interface Launched {
  readonly child: ChildProcess
  /** What the prompt told it. */
  readonly mail: readonly Message[]
  /** The commit that it stands on. */
  readonly from: string | null
}

/** Writes down what the worker is told and what it will be held against, and starts it. */
async function launch(context: Context, task: Task, held: Lock, before: Before): Promise<Launched> {
  const { workplace, resume, attempt: number } = task.status
  if (!workplace) throw new Error(`${task.id} has no worktree`)
  const paths = task.paths.attempt(number)
  const worker = workerOf(context, task)
  const inside = goInside(markOf(task).cgroup)
  try {
    const mail = deliverable(task.paths, number)
    const [prompt, environment, from] = await Promise.all([
      resume === null ? promptFor(context, task, mail) : newsFor(context, task, mail),
      environmentOf(context, task, worker.needs),
      number === 1 ? workplace.start : headOf(context.repo, workplace),
    ])
    const { program, argv, cwd, env } = startable(context, task, environment, {
      hooks: hooksOf(context, task),
      resume,
    })
    makeOwnDirectory(paths.directory)
    writeFileDurable(paths.prompt, prompt, { durable: false })
    const { refs, head_log } = before
    const checkpoint = checkpointHash(readCheckpoint(task.paths))
    const atStart = { version: 1, refs: Object.fromEntries(refs), head_log, checkpoint }
    writeRecord(paths.refs, atStart, { durable: false })
    remember(task.paths, number, mail)
    checkOwner(task)
    // From the file, not through us: a runner that is killed must not leave its worker with half a prompt.
    const input = openSync(paths.prompt, 'r')
    const stream = openOwn(paths.stream, constants.O_WRONLY | constants.O_APPEND)
    const errors = openOwn(paths.stderr, constants.O_WRONLY | constants.O_APPEND)
    const stdio = [input, stream, errors, ...(held.fd === null ? [] : [held.fd])]
    const child = await inside.start(() =>
      start(program, argv, { cwd, env, stdio, detached: worker.isShell }),
    )
    for (const fd of [input, stream, errors]) closeSync(fd)
    return { child, mail, from }
  } finally {
    await inside.leave()
  }
}

/** A worker whose start cannot be written down (somebody took the task over, the disk is full) is ended again. */
async function noteStart(
  context: Context,
  task: Task,
  mail: readonly Message[],
  child: ChildProcess,
  started: string,
): Promise<Task> {
  const { worker, model } = task.status.settings
  try {
    const running = amend(task, {
      worker: { pid: child.pid ?? 1, model, thread: task.status.resume, started, tokens: 0 },
      activity: { kind: 'starting', what: null, since: started, last_event: started },
    })
    markSeen(inboxOf(task.paths), mail)
    const how = task.status.resume === null ? '' : `, going on with thread ${task.status.resume}`
    trail(context, running, 'worker', `${worker}${model === null ? '' : ` ${model}`} started${how}`)
    delivered(running, started)
    for (const { id } of mail) trail(context, running, 'message', `delivered with the prompt: ${id}`)
    return running
  } catch (error) {
    await endWorker(child, workerOf(context, task), context.config.stop_grace_seconds)
    throw error
  }
}

/** Whether it does go on with its thread is looked at once more: its session file may have gone, or grown. */
function goingOn(context: Context, task: Task): Task {
  const { resume } = task.status
  if (resume === null || resumable(context, task, resume) !== null) return task
  trail(context, task, 'note', `thread ${resume} is not there any more, or too long: it begins anew`)
  return amend(task, { resume: null })
}

/** The failure that a request to stop, or a bare signal, amounts to. */
export function interruption(interrupt: Interrupt): TaskFailure {
  const request = interrupt.cause()?.request
  const restart = restartOf(request)
  if (restart) return restart
  return request
    ? {
        class: 'stopped',
        message: `${request.cancel ? 'cancelled' : 'stopped'} by ${request.by}`,
        retryable: false,
        retry_at: null,
        detail: null,
      }
    : { class: 'lost', message: 'its runner was told to end', retryable: true, retry_at: null, detail: null }
}
