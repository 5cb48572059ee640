import { init } from '../../lib/flows/init.ts'
import { main } from '../../lib/kit/cli.ts'
import { initAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.init, async ({ directory }) => initAnswer(await init(directory)))
