/** `status --watch`: the same answer again whenever something changed. */
import { type Answer, untilInterrupted } from '../kit/cli.ts'
import { watchPaths } from '../kit/watch.ts'
import type { Context } from './context.ts'

/** Prints each answer that differs from the one before; returns the last when interrupted. */
export async function repeatOnChange(
  context: Context,
  look: () => Promise<Answer>,
  print: (text: string) => void,
): Promise<Answer> {
  const abort = untilInterrupted()
  const watch = await watchPaths([context.paths.feed, context.paths.tasks])
  let shown = ''
  try {
    while (!abort.aborted) {
      const text = (await look()).text.join('\n')
      if (text !== shown) print(`${new Date().toISOString().slice(11, 19)}\n${text}\n`)
      shown = text
      await watch.changed(1000)
    }
  } finally {
    await watch.close()
  }
  return { data: null, text: [] }
}
