import { ask, asking } from '../../lib/flows/ask.ts'
import { readMessageText } from '../../lib/flows/message-text.ts'
import { main, milliseconds } from '../../lib/kit/cli.ts'
import { askAnswer } from '../../lib/view/questions.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.ask, async ({ words: [text], flags }) => {
  const choices = {
    options: flags.option ?? [],
    default: flags.default ?? null,
    by: flags.by === undefined ? null : milliseconds(flags.by, 'by'),
  }
  return askAnswer(await ask(() => readMessageText(asking, text, flags.file), choices))
})
