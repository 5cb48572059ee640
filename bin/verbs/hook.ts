// Not for people: the hooks in bin/worker/hooks ask it, and give on stdin what they were given or have found.
import { openContext } from '../../lib/flows/context.ts'
import { beforeCommand } from '../../lib/flows/hook.ts'
import { afterTool, atEnd, type Said } from '../../lib/flows/mail-hooks.ts'
import { main } from '../../lib/kit/cli.ts'
import { hookVerb } from '../../lib/view/inner-verbs.ts'

main(hookVerb, async ({ directory, show, words: [event = '', about = '', attempt = '', called = ''] }) => {
  const said: Said | null =
    event === 'stop'
      ? atEnd(about, Number(attempt), 0)
      : event === 'post-tool-use'
        ? afterTool(about, Number(attempt), called)
        : beforeCommand(await openContext(directory), about, 0)
  if (said && show({ data: null, text: [said.text], unbounded: true })) said.delivered?.()
  return null
})
