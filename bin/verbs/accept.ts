import { accept } from '../../lib/flows/accept.ts'
import { openToDecide } from '../../lib/flows/own-task.ts'
import { main } from '../../lib/kit/cli.ts'
import { acceptAnswer } from '../../lib/view/review.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.accept, async ({ directory, words }) =>
  acceptAnswer(await accept(await openToDecide(directory, 'accept'), words)),
)
