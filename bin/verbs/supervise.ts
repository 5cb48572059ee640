import { openToDecide } from '../../lib/flows/own-task.ts'
import { supervise } from '../../lib/flows/supervise.ts'
import { main } from '../../lib/kit/cli.ts'
import { superviseAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.supervise, async ({ directory, flags }) =>
  superviseAnswer(await supervise(await openToDecide(directory, 'supervise'), flags.once === true)),
)
