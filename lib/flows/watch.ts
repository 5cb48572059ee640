/** `status --watch`: the same answer again whenever something changed. */
import { type Answer, untilInterrupted } from '../kit/cli.ts'
import { watchPaths } from '../kit/watch.ts'
import type { Context } from './context.ts'

/** Shows each answer that differs from the one before, until interrupted. */
export async function repeatOnChange(
  context: Context,
  look: () => Promise<Answer>,
  show: (answer: Answer) => void,
): Promise<null> {
  const abort = untilInterrupted()
  const watch = await watchPaths([context.paths.feed])
  let shown = ''
  try {
    while (!abort.aborted) {
      const answer = await look()
      const text = answer.text.join('\n')
      if (text !== shown) show({ ...answer, text: [new Date().toISOString().slice(11, 19), ...answer.text] })
      shown = text
      await watch.changed(1000)
    }
  } finally {
    await watch.close()
  }
  return null
}
