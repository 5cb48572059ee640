import { openContext } from '../../lib/flows/context.ts'
import { diff } from '../../lib/flows/diff.ts'
import { main } from '../../lib/kit/cli.ts'
import { diffAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.diff, async ({ directory, words: [id = ''], flags }) =>
  diffAnswer(await diff(await openContext(directory), id, flags.stat === true), flags.full === true),
)
