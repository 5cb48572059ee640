import { openContext } from '../../lib/flows/context.ts'
import { readMessageText, sending } from '../../lib/flows/message-text.ts'
import { isWorker } from '../../lib/flows/own-task.ts'
import { send, senders } from '../../lib/flows/send.ts'
import { choice, main } from '../../lib/kit/cli.ts'
import { sendAnswer } from '../../lib/view/mail.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.send, async ({ directory, words: [id = '', text], flags }) => {
  const context = await openContext(directory)
  const from = isWorker(context) ? ('worker' as const) : choice('from', flags.from, senders)
  const letter = {
    id: flags.id ?? null,
    from,
    urgent: flags.urgent ?? false,
    free: flags.free ?? false,
    note: flags.note ?? false,
  }
  return sendAnswer(await send(context, id, letter, () => readMessageText(sending, text, flags.file)))
})
