import { landByHand } from '../../lib/flows/land-by-hand.ts'
import { openToDecide } from '../../lib/flows/own-task.ts'
import { main } from '../../lib/kit/cli.ts'
import { landAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.land, async ({ directory, words }) =>
  landAnswer(await landByHand(await openToDecide(directory, 'land'), words)),
)
