import { openContext } from '../../lib/flows/context.ts'
import { wait } from '../../lib/flows/wait.ts'
import { choice, main, milliseconds } from '../../lib/kit/cli.ts'
import { waitAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.wait, async ({ directory, words, flags }) => {
  const until = choice('until', flags.until ?? 'attention', ['attention', 'settled'])
  const timeout = milliseconds(flags.timeout ?? '10m', 'timeout')
  return waitAnswer(await wait(await openContext(directory), words, until, timeout))
})
