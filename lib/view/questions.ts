/** What the verbs for questions answer. Pure. */
import type { Answer } from '../kit/cli.ts'
import { bounded, clean, count, dateTime } from '../kit/text.ts'
import type { Message } from '../state/message-file.ts'

export function askAnswer(asked: {
  readonly task: string
  readonly id: string
  readonly answer: Message | null
  readonly by: string | null
}): Answer {
  const { task, id, answer, by } = asked
  if (answer) {
    return {
      data: { task, question: id, answered: true, answer: clean(answer.text) },
      text: [
        'This was answered already. Go on with it; do not ask again.',
        '',
        ...clean(answer.text).split('\n'),
      ],
    }
  }
  const then = by === null ? '' : ` If nobody answers until ${dateTime(by)}, your default is the answer.`
  return {
    data: { task, question: id, answered: false, answer: null, by },
    text: [
      `Your question is filed (${id}). Commit nothing that depends on the answer, and end your turn NOW: do not wait, poll or go on.`,
      `You are started again with the answer, where you left off; uncommitted work stays as it is.${then}`,
    ],
  }
}

export const asideWords = {
  verb: 'dirigent ask-worker',
  how: 'dirigent ask-worker ID TEXT, or - for stdin',
  limit: 8192,
}

export function asideAnswer(aside: {
  readonly task: { readonly id: string }
  readonly thread: string
  readonly answer: string
  readonly path: string
  readonly usage: { readonly total: number }
}): Answer {
  const { task, thread, answer, path, usage } = aside
  const lines = clean(answer).split('\n')
  return {
    data: { task: task.id, thread, answer: clean(answer), path, usage },
    text: [...bounded(lines, 36, 7000), `(${count(usage.total)} tokens; kept in ${path})`],
  }
}
