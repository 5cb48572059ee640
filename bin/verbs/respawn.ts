import { openToDecide } from '../../lib/flows/own-task.ts'
import { respawn } from '../../lib/flows/respawn.ts'
import { readSpec } from '../../lib/flows/spec-source.ts'
import { main } from '../../lib/kit/cli.ts'
import { spawnAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.respawn, async ({ directory, words: [id = ''], flags }) => {
  const context = await openToDecide(directory, 'respawn')
  const spec = flags.spec === undefined ? null : await readSpec(flags.spec)
  return spawnAnswer(await respawn(context, id, { spec, fresh: flags.fresh === true }))
})
