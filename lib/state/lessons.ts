/**
 * Rules that were learned, `lessons/<name>.md` each: what later tasks are told. People write and edit them as they
 * like; one that cannot be read is named and hides no other.
 */
import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../kit/errors.ts'
import { createFileOnce, makeDirectory, writeFileDurable } from '../kit/files.ts'
import { whenSaved } from '../kit/patience.ts'
import { namesIn, readBounded } from '../kit/read.ts'
import { decode, divide, type Kind, parseFront } from './front-matter.ts'
import { idPattern, type StatePaths } from './paths.ts'
import { type LessonFront, lessonFront } from './schema/lesson.ts'

/** Bytes of a rule: it costs every task that is told it. */
export const ruleLimit = 2048

const kind = {
  code: 'bad-lesson',
  name: 'a lesson',
  limit: ruleLimit + 8192,
  hint: 'Say the rule in a few sentences of Markdown.',
} as const satisfies Kind

export interface Lesson extends LessonFront {
  readonly name: string
  readonly rule: string
}

export interface Lessons {
  readonly lessons: readonly Lesson[]
  /** Those that cannot be read, and why. */
  readonly broken: readonly { readonly name: string; readonly why: Failure }[]
}

/** Newest first; those without a time, as a person may write them, before all others. */
export async function readLessons(paths: StatePaths): Promise<Lessons> {
  const lessons: Lesson[] = []
  const broken: Lessons['broken'][number][] = []
  for (const name of lessonNames(paths)) {
    try {
      const lesson = await readLesson(paths, name)
      if (lesson) lessons.push(lesson)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      broken.push({ name, why: error })
    }
  }
  const later = (a: Lesson, b: Lesson) => (b.at ?? 'never').localeCompare(a.at ?? 'never')
  return { lessons: lessons.sort((a, b) => later(a, b) || a.name.localeCompare(b.name)), broken }
}

/**
 * Undefined when there is none of this name; throws `bad-lesson` or `corrupt-file`. An editor that saves it just now is
 * waited for.
 */
export async function readLesson(paths: StatePaths, name: string): Promise<Lesson | undefined> {
  if (!idPattern.test(name)) return undefined
  const file = paths.lesson(name)
  return await whenSaved(file, () => readOnce(file, name))
}

async function readOnce(file: string, name: string): Promise<Lesson | undefined> {
  const bytes = readBounded(file, kind.limit)
  return bytes && (await parseLesson(bytes, file, name))
}

async function parseLesson(bytes: Buffer, file: string, name: string): Promise<Lesson> {
  const divided = divide(decode(bytes, file, kind), file, kind)
  const rule = checkRule(divided.body, file)
  return { ...(await parseFront(divided, lessonFront, file, kind)), name, rule }
}

/** @returns false when there is one of this name already */
export function createLesson(paths: StatePaths, lesson: Lesson): boolean {
  makeDirectory(paths.lessons)
  return createFileOnce(paths.lesson(lesson.name), compose(lesson))
}

/**
 * Writes the reason into its file, which keeps all else as a person wrote it: comments, order, ends of lines. Front
 * matter that takes no further line (`{ tags: [web] }`) is written anew.
 */
export async function writeRetired(paths: StatePaths, lesson: Lesson, reason: string): Promise<Lesson> {
  const retired = { ...lesson, retired: reason }
  const file = paths.lesson(lesson.name)
  const text = withLine(readBounded(file, kind.limit)?.toString() ?? '', `retired: ${JSON.stringify(reason)}`)
  writeFileDurable(file, (await isReadAs(text, retired, file)) ? text : compose(retired))
  return retired
}

/** At the end of its front matter, which is made when there is none. */
function withLine(text: string, line: string): string {
  const end = /\r?\n/.exec(text)?.[0] ?? '\n'
  const front = /^\uFEFF?---[ \t]*\r?\n(?:[^\n]*\n)*?(?=---[ \t]*(?:\r?\n|$))/.exec(text)?.[0]
  if (front !== undefined) return `${front}${line}${end}${text.slice(front.length)}`
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : ''
  return `${mark}---${end}${line}${end}---${end}${end}${text.slice(mark.length)}`
}

async function isReadAs(text: string, lesson: Lesson, file: string): Promise<boolean> {
  try {
    return isDeepStrictEqual(await parseLesson(Buffer.from(text), file, lesson.name), lesson)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return false
  }
}

/** @param where for the message */
export function checkRule(text: string, where: string): string {
  const rule = text.trim()
  if (rule === '') throw new Failure('bad-lesson', `${where} says no rule`, { hint: kind.hint })
  if (Buffer.byteLength(rule) <= ruleLimit) return rule
  throw new Failure(
    'bad-lesson',
    `${where} is longer than ${ruleLimit} bytes, which is the most for a rule`,
    {
      hint: 'Every task that it fits is told it: say it shorter, or point to a file.',
    },
  )
}

const lessonNames = (paths: StatePaths): string[] =>
  namesIn(paths.lessons)
    .filter((name) => name.endsWith('.md') && idPattern.test(name.slice(0, -'.md'.length)))
    .map((name) => name.slice(0, -'.md'.length))
    .sort()

/** Front matter as YAML takes it: values as JSON. */
function compose({ name: _, rule, ...front }: Lesson): string {
  const lines = Object.entries(front)
    .filter(([, value]) => value !== undefined && (!Array.isArray(value) || value.length > 0))
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
  return `${lines.length > 0 ? `---\n${lines.join('')}---\n\n` : ''}${rule}\n`
}
