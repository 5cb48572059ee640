import { openContext } from '../../lib/flows/context.ts'
import { landByHand } from '../../lib/flows/land-by-hand.ts'
import { main } from '../../lib/kit/cli.ts'
import { taskChanged } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.land, async ({ directory, words: [id = ''] }) =>
  taskChanged(await landByHand(await openContext(directory), id), 'is landing'),
)
