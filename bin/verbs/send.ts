import { openContext } from '../../lib/flows/context.ts'
import { isWorker } from '../../lib/flows/own-task.ts'
import { readMessage, send, senders } from '../../lib/flows/send.ts'
import { choice, main } from '../../lib/kit/cli.ts'
import { sendAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.send, async ({ directory, words: [id = '', text], flags }) => {
  const context = await openContext(directory)
  const from = isWorker() ? ('worker' as const) : choice('from', flags.from ?? 'orchestrator', senders)
  const letter = { id: flags.id ?? null, from, urgent: flags.urgent ?? false }
  return sendAnswer(await send(context, id, letter, () => readMessage(text, flags.file)))
})
