import { openContext } from '../../lib/flows/context.ts'
import { wait } from '../../lib/flows/wait.ts'
import { choice, main, milliseconds } from '../../lib/kit/cli.ts'
import { verbs } from '../../lib/view/verbs.ts'
import { waitAnswer } from '../../lib/view/wait.ts'

main(verbs.wait, async ({ directory, words, flags }) => {
  const until = choice('until', flags.until, ['attention', 'settled'])
  const timeout = milliseconds(flags.timeout, 'timeout')
  const context = await openContext(directory)
  return waitAnswer(await wait(context, words, { until, timeout, since: flags.since ?? null }))
})
