/** Which lessons a task is told: those for all tasks, and those whose trigger fits it. Pure. */
import picomatch from 'picomatch'
import type { LessonFront } from '../state/schema/lesson.ts'
import type { Settings } from '../state/schema/status.ts'

type Trigger = Pick<LessonFront, 'paths' | 'tags' | 'retired'>

export function lessonsFor<L extends Trigger>(
  all: readonly L[],
  task: Pick<Settings, 'paths' | 'tags'>,
): L[] {
  return all.filter((lesson) => lesson.retired === undefined && fits(lesson, task))
}

/** One of its tags, or one of its paths, is enough; without either it is for all. */
function fits({ paths = [], tags = [] }: Trigger, task: Pick<Settings, 'paths' | 'tags'>): boolean {
  if (paths.length === 0 && tags.length === 0) return true
  if (tags.some((tag) => task.tags.includes(tag))) return true
  if (paths.length === 0) return false
  // A task that names no paths may change anything.
  return task.paths.length === 0 || paths.some((glob) => task.paths.some((other) => mayMeet(glob, other)))
}

/**
 * Whether two globs may name the same file: wrong only towards yes, where what stands before their first wildcard
 * does not tell them apart. A rule too many is told then.
 */
function mayMeet(a: string, b: string): boolean {
  const [one, other] = [baseOf(a), baseOf(b)]
  return isWithin(one, other) || isWithin(other, one)
}

function baseOf(glob: string): string {
  const { base, isGlob } = picomatch.scan(glob.replace(/^\.\//, ''))
  return isGlob ? base : glob.replace(/^\.\//, '')
}

const isWithin = (path: string, directory: string): boolean =>
  directory === '' ||
  directory === '.' ||
  path === directory ||
  path.startsWith(`${directory.replace(/\/$/, '')}/`)
