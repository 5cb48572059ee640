import { checkpoint } from '../../lib/flows/checkpoint.ts'
import { main } from '../../lib/kit/cli.ts'
import { checkpointAnswer } from '../../lib/view/mail.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.checkpoint, async ({ flags }) => checkpointAnswer(await checkpoint(flags.file ?? null)))
