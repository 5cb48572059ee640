import { openContext } from '../../lib/flows/context.ts'
import { spawnSeveral } from '../../lib/flows/several.ts'
import { spawn } from '../../lib/flows/spawn.ts'
import { readSpec, readSpecs } from '../../lib/flows/spec-source.ts'
import { apart, main, required } from '../../lib/kit/cli.ts'
import { spawnAnswer } from '../../lib/view/answers.ts'
import { splitAnswer } from '../../lib/view/review.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.spawn, async ({ directory, words: [id = null], flags }) => {
  const source = required(verbs.spawn, 'spec', flags)
  apart(verbs.spawn, '--split', flags.split, { '--plan': flags.plan, 'an id': id })
  const context = await openContext(directory)
  if (flags.split) return splitAnswer(await spawnSeveral(context, () => readSpecs(source)))
  return spawnAnswer(await spawn(context, id, () => readSpec(source), flags.plan === true))
})
