import { readInbox } from '../../lib/flows/inbox.ts'
import { main } from '../../lib/kit/cli.ts'
import { inboxAnswer } from '../../lib/view/mail.ts'
import { verbs } from '../../lib/view/verbs.ts'

main(verbs.inbox, async ({ show }) => {
  const mail = await readInbox()
  if (show(inboxAnswer(mail, Date.now()))) mail.markRead()
  return null
})
