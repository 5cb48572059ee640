import { openToDecide } from '../../lib/flows/own-task.ts'
import { stop } from '../../lib/flows/stop.ts'
import { main } from '../../lib/kit/cli.ts'
import { stopAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.stop, async ({ directory, words: [id = ''], flags }) => {
  return stopAnswer(
    await stop(await openToDecide(directory, 'stop'), id, flags.cancel === true, 'dirigent stop'),
  )
})
