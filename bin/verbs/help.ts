import { version } from '../../lib/flows/version.ts'
import { main } from '../../lib/kit/cli.ts'
import { helpAnswer, versionAnswer } from '../../lib/view/help.ts'
import { helpVerb } from '../../lib/view/verbs.ts'

main(helpVerb, async ({ words: [verb], flags }) =>
  flags.version ? versionAnswer(version()) : helpAnswer(verb),
)
