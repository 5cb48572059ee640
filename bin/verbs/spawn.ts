import { openContext } from '../../lib/flows/context.ts'
import { spawn } from '../../lib/flows/spawn.ts'
import { readSpec } from '../../lib/flows/spec-source.ts'
import { main, required } from '../../lib/kit/cli.ts'
import { spawnAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.spawn, async ({ directory, words, flags }) => {
  const source = required(verbs.spawn, 'spec', flags)
  const context = await openContext(directory)
  return spawnAnswer(await spawn(context, words[0] ?? null, () => readSpec(source)))
})
