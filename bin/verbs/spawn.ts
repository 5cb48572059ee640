import { openToDecide } from '../../lib/flows/own-task.ts'
import { spawnSeveral } from '../../lib/flows/several.ts'
import { spawn } from '../../lib/flows/spawn.ts'
import { readSpec, readSpecs } from '../../lib/flows/spec-source.ts'
import { apart, main } from '../../lib/kit/cli.ts'
import { spawnAnswer } from '../../lib/view/answers.ts'
import { splitAnswer } from '../../lib/view/review.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.spawn, async ({ directory, words: [id = null], flags }) => {
  apart(verbs.spawn, '--split', flags.split, { '--plan': flags.plan, 'an id': id })
  const context = await openToDecide(directory, 'spawn')
  if (flags.split) return splitAnswer(await spawnSeveral(context, () => readSpecs(flags.spec)))
  return spawnAnswer(await spawn(context, id, () => readSpec(flags.spec), flags.plan === true))
})
