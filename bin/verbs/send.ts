import { openContext } from '../../lib/flows/context.ts'
import { readMessage, send } from '../../lib/flows/send.ts'
import { main } from '../../lib/kit/cli.ts'
import { sendAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.send, async ({ directory, words: [id = '', text], flags }) => {
  const context = await openContext(directory)
  return sendAnswer(await send(context, id, flags.id ?? null, () => readMessage(text, flags.file)))
})
