// Not for people: the runner, started by `dispatch` with the task's locked run.lock as descriptor 3.
import { openContext } from '../../lib/flows/context.ts'
import { runTask } from '../../lib/flows/runner/run.ts'
import { main } from '../../lib/kit/cli.ts'
import { runnerVerb } from '../../lib/view/inner-verbs.ts'

main(runnerVerb, async ({ directory, words: [id = ''], flags }) => {
  await runTask(await openContext(directory), id, Number(flags.epoch), 3)
  return { data: null, text: [] }
})
