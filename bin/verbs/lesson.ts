import { openContext } from '../../lib/flows/context.ts'
import {
  addLesson,
  listLessons,
  retireLesson,
  showLesson,
  teacher,
  teaching,
} from '../../lib/flows/lesson.ts'
import { readMessageText } from '../../lib/flows/message-text.ts'
import { main } from '../../lib/kit/cli.ts'
import { addedAnswer, lessonAnswer, lessonsAnswer, retiredAnswer } from '../../lib/view/lessons.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.lesson, async ({ directory, words: [action, first, second = ''], flags }) => {
  const context = await openContext(directory)
  if (action === 'list') return lessonsAnswer(await listLessons(context), flags.all === true)
  if (action === 'show') return lessonAnswer(await showLesson(context, first ?? ''))
  if (action === 'retire') return retiredAnswer(await retireLesson(context, first ?? '', second))
  const { id: name, path: paths, tag: tags, task } = flags
  const rule = await readMessageText(teaching, first, flags.file)
  return addedAnswer(await addLesson(context, { rule, name, paths, tags, task, from: teacher(flags.from) }))
})
