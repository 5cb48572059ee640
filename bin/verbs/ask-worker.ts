import { askWorker } from '../../lib/flows/ask-worker.ts'
import { openContext } from '../../lib/flows/context.ts'
import { readMessageText } from '../../lib/flows/message-text.ts'
import { main, milliseconds } from '../../lib/kit/cli.ts'
import { asideAnswer, asideWords } from '../../lib/view/questions.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs['ask-worker'], async ({ directory, words: [id = '', text], flags }) => {
  const context = await openContext(directory)
  const question = await readMessageText(asideWords, text, undefined)
  return asideAnswer(await askWorker(context, id, question, milliseconds(flags.timeout, 'timeout')))
})
