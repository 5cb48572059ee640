import { build } from '../../lib/flows/build.ts'
import { openContext } from '../../lib/flows/context.ts'
import { main, milliseconds, narrate } from '../../lib/kit/cli.ts'
import { buildAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.build, async ({ directory, words, flags, json }) => {
  const wait = flags.timeout === undefined ? Infinity : milliseconds(flags.timeout, 'timeout')
  return buildAnswer(await build(await openContext(directory), words, wait, json, narrate), words)
})
