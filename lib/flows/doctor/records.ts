/** Every record of every task: readable, of this version, in the right place, and in agreement with the others. */
import { lookAt } from '../../kit/read.ts'
import type { Finding } from '../../rules/findings.ts'
import { isEnded } from '../../rules/lifecycle.ts'
import { readCoolDown } from '../../state/cool-down.ts'
import { readLessons } from '../../state/lessons.ts'
import { readRecord } from '../../state/record.ts'
import { exit, refs, result, stop } from '../../state/schema/attempt.ts'
import { attemptNumbers, specProblem, strayFiles } from '../../state/shape.ts'
import type { Task } from '../../state/tasks.ts'
import { putAway } from '../settle.ts'
import { collect, unreadable } from './collect.ts'
import type { Look } from './look.ts'

export async function records(look: Look): Promise<readonly Finding[]> {
  const all = collect()
  for (const { failure } of look.broken)
    all.push({ code: 'task-unreadable', what: failure.message, fix: failure.hint })
  all.push(...unreadable(() => readCoolDown(look.context.paths)))
  for (const task of look.live) all.try(`the records of ${task.id}`, () => ofLive(look, task))
  for (const task of look.archived) all.try(`the records of ${task.id}`, () => ofArchived(task))
  for (const task of [...look.live, ...look.archived]) all.try(`the records of ${task.id}`, () => ofAny(task))
  all.try('the ids of the tasks', () => twice(look))
  await all.tryAsync('the lessons', () => lessons(look))
  all.try('the names in tasks/', () =>
    strayFiles(look.context.paths).map((path) => ({
      code: 'stray-file',
      what: `${path} is not a task, and nothing reads it`,
      fix: 'Move it elsewhere, or delete it.',
    })),
  )
  return all.findings
}

async function lessons({ context }: Look): Promise<Finding[]> {
  const { broken } = await readLessons(context.paths)
  return broken.map(({ name, why }) => ({
    code: 'lesson-unreadable',
    what: `no task is told the lesson ${name}: ${why.message}`,
    fix: why.hint,
  }))
}

function* ofLive(look: Look, task: Task): Iterable<Finding> {
  const why = specProblem(task.paths)
  if (why) yield { code: 'record-unreadable', ...why }
  if (!isEnded(task.status)) return
  yield {
    code: 'ended-not-archived',
    what: `${task.id} is ${task.status.state} and still in tasks/`,
    fix: 'Cleans up after it (its work is kept) and moves it to the archive, as the next verb would.',
    mend: () => putAway(look.context, task),
  }
}

function* ofArchived(task: Task): Iterable<Finding> {
  if (isEnded(task.status)) return
  yield {
    code: 'archived-not-ended',
    what: `${task.paths.directory} is in the archive, but the task is ${task.status.state}`,
    fix: `When it is to go on, move it back into tasks/; otherwise it stays as it is, and nobody works on it.`,
  }
}

function* ofAny(task: Task): Iterable<Finding> {
  const { paths, status } = task
  yield* unreadable(() => readRecord(paths.stop, stop))
  let published: ReturnType<typeof readResult>
  yield* unreadable(() => {
    published = readResult(paths.result)
  })
  if (published && published.epoch > status.epoch)
    yield {
      code: 'epoch-ahead',
      what: `${paths.result} was published with epoch ${published.epoch}, and ${task.id} is at epoch ${status.epoch}`,
      fix: 'One of the two files is not what was written: compare them with the trail (dirigent log).',
      next: `dirigent log ${task.id}`,
    }
  for (const n of attemptNumbers(paths)) {
    const files = paths.attempt(n)
    if (n > status.attempt) {
      yield {
        code: 'attempt-ahead',
        what: `${files.directory} is there, and ${task.id} has had ${status.attempt} attempts`,
        fix: 'Look whose it is, then move it away; the next attempt of that number would find it.',
      }
    }
    if (!lookAt(files.directory)?.isDirectory()) continue
    yield* unreadable(() => readRecord(files.exit, exit))
    yield* unreadable(() => readRecord(files.refs, refs))
    yield* unreadable(() => readResult(files.result))
  }
}

const readResult = (path: string) => readRecord(path, result)

function* twice(look: Look): Iterable<Finding> {
  const first = new Map<string, string>()
  for (const { id, paths } of [...look.live, ...look.archived, ...look.broken]) {
    const other = first.get(id)
    if (other !== undefined && other !== paths.directory)
      yield {
        code: 'id-twice',
        what: `${id} is there twice: ${other} and ${paths.directory}`,
        fix: 'The live one counts, or the one archived last. Rename or move the other one away.',
      }
    first.set(id, other ?? paths.directory)
  }
}
