// Not for people: bin/worker/hooks/pre-tool-use asks it about one command, which it gives on stdin.
import { openContext } from '../../lib/flows/context.ts'
import { answerHook } from '../../lib/flows/hook.ts'
import { main } from '../../lib/kit/cli.ts'
import { hookVerb } from '../../lib/view/verbs.ts'

main(hookVerb, async ({ directory, words: [, hash = ''] }) => {
  const answer = answerHook(await openContext(directory), hash, 0)
  return { data: null, text: answer === null ? [] : [answer], unbounded: true }
})
