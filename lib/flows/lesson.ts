/** Lessons: what a person corrected, or a failure taught, and later tasks are told. Files that anybody may write. */
import { choice } from '../kit/cli.ts'
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import {
  createLesson,
  type Lesson,
  type Lessons,
  readLesson,
  readLessons,
  ruleLimit,
  writeRetired,
} from '../state/lessons.ts'
import { findTask, idPattern } from '../state/paths.ts'
import { longestTrigger, mostTriggers } from '../state/schema/lesson.ts'
import { idFrom } from '../state/spec.ts'
import { type Context, now } from './context.ts'
import type { Speech } from './message-text.ts'
import { refuseWorker } from './own-task.ts'

export const teaching: Speech = {
  verb: 'dirigent lesson add',
  how: 'dirigent lesson add TEXT, dirigent lesson add --file FILE, or - for stdin',
  limit: ruleLimit,
}

/** Who may be said to have taught it. */
const teachers = ['orchestrator', 'person'] as const

export const teacher = (from = 'orchestrator'): Lesson['from'] => choice('from', from, teachers)

export interface Added {
  readonly lesson: Lesson
  readonly created: boolean
}

export interface NewLesson extends Pick<Lesson, 'rule' | 'from' | 'task'> {
  /** Made from the rule when it is not given. */
  readonly name: string | undefined
  readonly paths: readonly string[] | undefined
  readonly tags: readonly string[] | undefined
}

/** The same rule under the same name again changes nothing. Throws `bad-id`, `id-taken` or `task-not-found`. */
export async function addLesson(context: Context, wanted: NewLesson): Promise<Added> {
  // All later workers are told it: what one of them has learned, somebody else reads first.
  refuseWorker(context, 'lesson add')
  const name = checkName(wanted.name ?? idFrom(wanted.rule))
  if (wanted.task !== undefined && !findTask(context.paths, wanted.task))
    throw new Failure('task-not-found', `There is no task ${JSON.stringify(wanted.task.slice(0, 80))}`, {
      hint: 'See which there are: dirigent status --all',
      next: ['dirigent status --all'],
    })
  const { paths = [], tags = [], rule, from, task } = wanted
  checkTriggers('path', paths)
  checkTriggers('tag', tags)
  const lesson: Lesson = {
    name,
    // As it is read again.
    rule: rule.replace(/\r\n?/g, '\n').trim(),
    paths: [...paths],
    tags: [...tags],
    from,
    task,
    at: now(),
  }
  if (createLesson(context.paths, lesson)) return { lesson, created: true }
  const there = await readLesson(context.paths, name)
  if (there && sameRule(there, lesson)) return { lesson: there, created: false }
  const whose = there?.retired === undefined ? 'another lesson' : 'a lesson that was retired'
  throw new Failure('id-taken', `${name} is the name of ${whose}`, {
    hint: `Read it (dirigent lesson show ${name}) and edit its file, or give another name: --id NAME`,
    next: [`dirigent lesson show ${name}`],
  })
}

export const listLessons = (context: Context): Promise<Lessons> => readLessons(context.paths)

/** Throws `lesson-not-found` or `bad-lesson`. */
export async function showLesson(context: Context, name: string): Promise<Lesson> {
  const lesson = await readLesson(context.paths, name)
  if (lesson) return lesson
  throw new Failure('lesson-not-found', `There is no lesson ${JSON.stringify(name.slice(0, 80))}`, {
    hint: 'See which there are: dirigent lesson list --all',
    next: ['dirigent lesson list --all'],
  })
}

/** No task is told it any more; its file stays, with the reason. Retired again, it keeps the first reason. */
export async function retireLesson(context: Context, name: string, why: string): Promise<Lesson> {
  refuseWorker(context, 'lesson retire')
  const reason = oneLine(why, 500)
  if (reason === '')
    throw new Failure('bad-message', 'the reason says nothing', {
      hint: `Say why: dirigent lesson retire ${name} 'We have a linter for it now.'`,
    })
  const lesson = await showLesson(context, name)
  return lesson.retired === undefined ? await writeRetired(context.paths, lesson, reason) : lesson
}

/** A lesson that was retired since is another one. */
const sameRule = (there: Lesson, wanted: Lesson): boolean =>
  essence(there) === essence(wanted) && there.retired === undefined

const essence = ({ rule, paths = [], tags = [] }: Lesson): string => JSON.stringify([rule, paths, tags])

/** What its file may not have would be told to nobody. */
function checkTriggers(option: string, values: readonly string[]): void {
  const fits = ({ length }: string) => length > 0 && length <= longestTrigger
  if (values.length <= mostTriggers && values.every(fits)) return
  throw new Failure(
    'usage',
    `--${option} takes 1 to ${longestTrigger} characters, ${mostTriggers} times at most`,
    {
      hint: `Leave --${option} out, and every task is told it.`,
    },
  )
}

function checkName(name: string): string {
  if (idPattern.test(name)) return name
  throw new Failure('bad-id', `${JSON.stringify(name.slice(0, 80))} is not the name of a lesson`, {
    hint: 'Give it one of lower-case letters, digits and dashes, at most 63: --id tests-beside-code',
  })
}
