import { openContext } from '../../lib/flows/context.ts'
import { detail } from '../../lib/flows/detail.ts'
import { markRead } from '../../lib/flows/mark-read.ts'
import { survey } from '../../lib/flows/survey.ts'
import { repeatOnChange } from '../../lib/flows/watch.ts'
import { main } from '../../lib/kit/cli.ts'
import { listAnswer } from '../../lib/view/list.ts'
import { shownInFull } from '../../lib/view/mail.ts'
import { taskAnswer } from '../../lib/view/task.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.status, async ({ directory, words: [id], flags, json, show }) => {
  const context = await openContext(directory)
  const look = async () =>
    id === undefined
      ? listAnswer(await survey(context, flags.all ? 200 : 0), flags.all === true, Date.now())
      : taskAnswer(await detail(context, id), Date.now())
  if (flags.watch) return await repeatOnChange(context, look, show)
  if (id === undefined) return await look()
  const seen = await detail(context, id)
  if (show(taskAnswer(seen, Date.now()))) markRead(context, seen.task, shownInFull(seen.mail, json))
  return null
})
