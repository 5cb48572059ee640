import { version } from '../../lib/flows/version.ts'
import { main } from '../../lib/kit/cli.ts'
import { completionsAnswer } from '../../lib/view/completions.ts'
import { helpAnswer, versionAnswer } from '../../lib/view/help.ts'
import { helpVerb } from '../../lib/view/inner-verbs.ts'

main(helpVerb, async ({ words: [verb], flags }) => {
  if (flags.version) return versionAnswer(version())
  return flags.completions === undefined ? helpAnswer(verb) : completionsAnswer(flags.completions)
})
