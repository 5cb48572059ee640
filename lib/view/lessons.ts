/** What `lesson` answers. A rule may come from a file that anybody wrote: cleaned. Pure. */
import type { Answer } from '../kit/cli.ts'
import { clean, oneLine, plural, table } from '../kit/text.ts'
import type { Lesson, Lessons } from '../state/lessons.ts'

export function addedAnswer({ lesson, created }: { lesson: Lesson; created: boolean }): Answer {
  return {
    data: { lesson, created },
    text: created
      ? [`${lesson.name}: told to ${whom(lesson)} from now on; commit it, and others have it, too`]
      : [`${lesson.name} is a lesson already; nothing changed`],
    next: ['dirigent lesson list'],
  }
}

export function retiredAnswer(lesson: Lesson): Answer {
  return {
    data: { lesson },
    text: [
      `${lesson.name}: told to nobody any more (${oneLine(lesson.retired ?? '', 200)})`,
      'its file keeps the rule and says why; when it was committed, commit this, too',
    ],
    next: ['dirigent lesson list'],
  }
}

export function lessonAnswer(lesson: Lesson): Answer {
  const { name, rule, from, task, at, retired } = lesson
  const origin = [from && `from ${from}`, task && `learned in ${oneLine(task, 63)}`, at?.slice(0, 10)]
  const told = retired === undefined ? `told to ${whom(lesson)}` : `retired: ${oneLine(retired, 200)}`
  return {
    data: { lesson },
    text: [[name, told, ...origin.filter(Boolean)].join(' · '), '', ...clean(rule).split('\n')],
  }
}

export function lessonsAnswer({ lessons, broken }: Lessons, all: boolean): Answer {
  const live = lessons.filter(({ retired }) => retired === undefined)
  const retired = lessons.length - live.length
  const shown = all ? lessons : live
  const rows = shown.map((lesson) => [
    lesson.name,
    lesson.retired === undefined ? scope(lesson) : 'retired',
    oneLine(lesson.rule, 100),
  ])
  return {
    data: { lessons: shown, broken: broken.map(({ name, why }) => ({ name, why: why.message })) },
    text: [
      ...broken.map(({ name, why }) => `! ${name} is told to nobody: ${oneLine(why.message, 200)}`),
      ...table(rows),
      ...(rows.length + broken.length === 0 ? ['no lessons yet'] : []),
      ...(retired > 0 && !all ? [`and ${plural(retired, 'retired one')}: dirigent lesson list --all`] : []),
    ],
    next: shown[0] ? [`dirigent lesson show ${shown[0].name}`] : ["dirigent lesson add 'RULE'"],
  }
}

function whom({ paths = [], tags = [] }: Lesson): string {
  if (paths.length + tags.length === 0) return 'every task'
  const each = [
    ...(tags.length > 0 ? [`have the tag ${shown(tags, ' or ')}`] : []),
    ...(paths.length > 0 ? [`may change ${shown(paths, ' or ')}`] : []),
  ]
  return `tasks that ${each.join(', or ')}`
}

const scope = ({ paths = [], tags = [] }: Lesson): string =>
  paths.length + tags.length === 0 ? 'all tasks' : oneLine(shown([...tags, ...paths], ' '), 40)

const shown = (all: readonly string[], between: string): string => oneLine(all.join(between), 200)
