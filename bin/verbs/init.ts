import { init } from '../../lib/flows/init.ts'
import { uninstall } from '../../lib/flows/uninstall.ts'
import { main } from '../../lib/kit/cli.ts'
import { initAnswer, uninstallAnswer } from '../../lib/view/setup.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.init, async ({ directory, flags }) =>
  flags.uninstall ? uninstallAnswer(await uninstall(directory)) : initAnswer(await init(directory)),
)
