/** A worker tells how it goes: into its outbox, for the orchestrator and the supervisor. */
import { Failure } from '../kit/errors.ts'
import { outboxOf, postTo } from '../state/mailbox.ts'
import { newMessageId } from '../state/message-file.ts'
import type { Speech } from './message-text.ts'
import { ownTask } from './own-task.ts'

export const telling: Speech = {
  verb: 'dirigent tell',
  how: 'dirigent tell TEXT, dirigent tell --file FILE, or - for stdin',
  // So much is shown in full by `status ID`.
  limit: 4096,
}

export interface Word {
  readonly task: string
  readonly id: string
  /** Until then it waits for something, as it says. */
  readonly by: string | null
}

/** @param waiting milliseconds; null: it does not wait */
export async function tell(read: () => Promise<string>, waiting: number | null): Promise<Word> {
  const { task } = await ownTask('tell')
  const id = newMessageId()
  const by = waiting === null ? null : new Date(Date.now() + waiting).toISOString()
  const draft = { id, from: 'worker', kind: 'progress', text: await read() } as const
  const posted = postTo(outboxOf(task.paths), by === null ? draft : { ...draft, by })
  if (posted !== 'gone') return { task: task.id, id, by }
  throw new Failure('corrupt-file', `${task.paths.directory} is not a directory any more`, {
    hint: 'The task has ended.',
  })
}
