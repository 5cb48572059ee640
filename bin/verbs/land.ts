import { openContext } from '../../lib/flows/context.ts'
import { landByHand } from '../../lib/flows/land-by-hand.ts'
import { main } from '../../lib/kit/cli.ts'
import { landAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.land, async ({ directory, words }) =>
  landAnswer(await landByHand(await openContext(directory), words)),
)
