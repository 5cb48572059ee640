import { openContext } from '../../lib/flows/context.ts'
import { detail } from '../../lib/flows/detail.ts'
import { survey } from '../../lib/flows/survey.ts'
import { repeatOnChange } from '../../lib/flows/watch.ts'
import { main } from '../../lib/kit/cli.ts'
import { listAnswer } from '../../lib/view/list.ts'
import { taskAnswer } from '../../lib/view/task.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.status, async ({ directory, words: [id], flags, show }) => {
  const context = await openContext(directory)
  const look = async () =>
    id === undefined
      ? listAnswer(await survey(context, flags.all ? 200 : 0), flags.all === true, Date.now())
      : taskAnswer(await detail(context, id), Date.now())
  return flags.watch ? await repeatOnChange(context, look, show) : await look()
})
