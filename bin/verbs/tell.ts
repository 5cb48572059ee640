import { readMessageText } from '../../lib/flows/message-text.ts'
import { tell, telling } from '../../lib/flows/tell.ts'
import { main, milliseconds } from '../../lib/kit/cli.ts'
import { tellAnswer } from '../../lib/view/mail.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.tell, async ({ words: [text], flags }) => {
  const waiting = flags.waiting === undefined ? null : milliseconds(flags.waiting, 'waiting')
  return tellAnswer(await tell(() => readMessageText(telling, text, flags.file), waiting))
})
