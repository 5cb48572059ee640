import { openContext } from '../../lib/flows/context.ts'
import { follow, readLog, readRaw } from '../../lib/flows/log.ts'
import { main, natural, untilInterrupted } from '../../lib/kit/cli.ts'
import { followedAnswer, logAnswer, rawAnswer } from '../../lib/view/answers.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.log, async ({ directory, words: [id = ''], flags, show }) => {
  const context = await openContext(directory)
  const lines = natural(flags.lines, 'lines')
  const raw = flags.raw === true
  if (!flags.follow)
    return raw ? rawAnswer(readRaw(context, id, lines)) : logAnswer(await readLog(context, id, lines))
  await follow(context, id, raw, (line) => show(followedAnswer(line, raw)), untilInterrupted())
  return null
})
