/**
 * Asks a task's worker something on the side: a copy of its thread answers, which may be running or resting and does
 * not notice. The copy can read and change nothing (the worker program's own sandbox), has no mark of the attempt, and
 * is given up after a time. Its tokens are written down with the answer; the task's budget does not count them.
 */

import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { makeOwnDirectory, writeFileDurable } from '../kit/files.ts'
import { run } from '../kit/proc.ts'
import { sweep } from '../kit/sweep.ts'
import { clean, duration, oneLine } from '../kit/text.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { asidePrompt } from '../rules/news.ts'
import { messageName, newMessageId } from '../state/message-file.ts'
import { attemptsUpTo } from '../state/shape.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import { newTrack, type Track, track } from '../tools/workers/track.ts'
import { noUsage, type Usage } from '../tools/workers/usage.ts'
import type { WorkerKind } from '../tools/workers/worker.ts'
import { remark } from './advance.ts'
import { type Context, now, trustRepository } from './context.ts'
import { exitOf, turnUsage } from './runner/thread.ts'
import { startable } from './runner/worker-command.ts'
import { environmentOf } from './runner/worker-environment.ts'
import { textsOf } from './texts.ts'
import { workerOf } from './worker.ts'

export interface Aside {
  readonly task: Task
  readonly thread: string
  readonly answer: string
  readonly path: string
  readonly usage: Usage
}

/** Its processes carry this, so that what a copy leaves behind is found. */
const asideMark = 'DIRIGENT_ASIDE'

/** @param patience milliseconds */
export async function askWorker(
  context: Context,
  id: string,
  question: string,
  patience: number,
): Promise<Aside> {
  const task = loadTask(context.paths, id)
  const worker = workerOf(context, task)
  const thread = threadOf(task, worker)
  await trustRepository(context, () => true)
  const name = newMessageId()
  const heard = await fork(
    context,
    task,
    thread,
    asidePrompt(question, textsOf(context)),
    `${task.paths.directory}#${name}`,
    patience,
  )
  // What the copy reports counts what the thread used before it, or not, as it was when it was copied.
  const total = worker.countsThread ? heard.threadId && turnUsage(worker, heard.threadId) : heard.usage
  const usage = total || noUsage
  const answer = clean(heard.lastMessage ?? '').trim()
  const path = join(task.paths.answers, messageName(name))
  makeOwnDirectory(task.paths.answers)
  const head = `asked: ${now()}\nthread: ${thread}\ntokens: ${usage.total}`
  writeFileDurable(
    path,
    `---\n${head}\n---\n\n# Question\n\n${clean(question).trim()}\n\n# Answer\n\n${answer}\n`,
  )
  remark(context, task, 'note', `asked on the side (${usage.total} tokens): ${oneLine(question, 200)}`)
  return { task, thread, answer, path, usage }
}

/** The newest of its attempts, of those that its worker knows: it may have been another kind before. */
function threadOf(task: Task, kind: WorkerKind): string {
  const { worker, attempt, workplace } = task.status
  const attempts = attemptsUpTo(task.paths, attempt).reverse()
  const threads = [worker?.thread, ...attempts.map((n) => exitOf(task, n)?.thread)]
  const thread = threads.find((one) => one && kind.session(one) !== null)
  if (thread && workplace) return thread
  const look = `dirigent status ${task.id}`
  if (isEnded(task.status))
    throw new Failure('no-thread', `${task.id} is ${task.status.state}: it has no worker to ask`, {
      hint: `What is known: ${look}`,
      next: [look],
    })
  const why = attempt > 0 ? 'has no thread that a copy could answer from' : 'has not begun yet'
  throw new Failure('no-thread', `The worker of ${task.id} ${why}`, {
    hint: `Tell it, it reads it as soon as it can: dirigent send ${task.id} TEXT`,
    next: [look],
  })
}

async function fork(
  context: Context,
  task: Task,
  thread: string,
  prompt: string,
  mark: string,
  patience: number,
): Promise<Track> {
  const worker = workerOf(context, task)
  const own = strangersEnvironment(await environmentOf(context, task, worker.needs), mark)
  const { program, argv, cwd, env } = startable(context, task, own, { aside: thread })
  try {
    const options = { cwd, env, input: prompt, timeout: patience }
    const { stdout, stderr, exitCode, signal, timedOut } = await run(program, argv, options)
    if (timedOut)
      throw new Failure(
        'timed-out',
        `The worker of ${task.id} has not answered within ${duration(patience)}`,
        {
          hint: 'Give it longer: --timeout 5m. It was not disturbed.',
          retryable: true,
        },
      )
    const heard = worker
      .events()
      .feed(stdout)
      .reduce((state, event) => track(state, event, 0), newTrack())
    const failed = worker.classify({ track: heard, exitCode, signal, stderrTail: stderr, now: new Date() })
    if (!failed) return heard
    throw new Failure('program-failed', `No answer from a copy of the worker: ${clean(failed.message)}`, {
      hint: `Ask the worker itself: dirigent send ${task.id} TEXT`,
      retryable: failed.retryable,
    })
  } finally {
    await sweep({ name: asideMark, value: mark, cgroup: null }, 500)
  }
}

/** The attempt's, without what makes a process part of it: it neither speaks for the task nor ends with it. */
function strangersEnvironment(own: NodeJS.ProcessEnv, mark: string): NodeJS.ProcessEnv {
  const rest = Object.entries(own).filter(([name]) => !name.startsWith('DIRIGENT_'))
  return { ...Object.fromEntries(rest), [asideMark]: mark }
}
