import { openToDecide } from '../../lib/flows/own-task.ts'
import { reject } from '../../lib/flows/reject.ts'
import { main } from '../../lib/kit/cli.ts'
import { rejectAnswer } from '../../lib/view/review.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.reject, async ({ directory, words: [id = '', why = ''] }) =>
  rejectAnswer(await reject(await openToDecide(directory, 'reject'), id, why)),
)
