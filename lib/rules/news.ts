/**
 * The prompt of an attempt that goes on with the worker's own thread: what that does not know yet, within the same
 * bounds as any prompt. Pure.
 */
import { clean } from '../kit/text.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'
import { share, size } from './fit.ts'
import { failureSection, lessonsPiece, messagesPiece, optional, specPiece } from './prompt.ts'
import type { Told } from './prompt-messages.ts'
import type { Say } from './texts.ts'

export interface News {
  /** What stands above each part. */
  readonly say: Say
  readonly status: Status
  /** The spec without its front matter, when the thread was told another revision. */
  readonly refined: string | null
  readonly specPath: string
  /** How the worker's last turn ended, when that was a failure. */
  readonly failure: TaskFailure | null
  readonly messages: readonly Told[]
  readonly seenDirectory: string
  /** All that fit the task, newest first: which of them its thread knows is not written down anywhere. */
  readonly lessons: readonly string[]
  readonly lessonsDirectory: string
  readonly maxBytes: number
}

export function composeNews(news: News): string {
  const { status, refined, failure, maxBytes, specPath, lessonsDirectory, say } = news
  const firm = `${say('go-on')}\n\nAttempt: ${status.attempt}\n\n`
  const cut = `(Cut here: there is no room for all of it. Read the whole of it: ${specPath})`
  const pieces = [
    lessonsPiece(news),
    specPiece(refined, () => say('refined', { title: status.title }), cut, maxBytes),
    optional('why the last attempt failed', failure, () => say('failure'), failureSection, 8, 0.75),
    messagesPiece(news),
  ]
  const where = `look into ${lessonsDirectory} and $DIRIGENT_TASK_DIR`
  return `${firm}${share(pieces, [1, 3, 2, 0], maxBytes - size(firm) - 1, where)}`.trimEnd().concat('\n')
}

/** What a copy of the worker's thread is asked, which is to answer and do nothing else. */
export const asidePrompt = (question: string, say: Say): string =>
  `${say('aside')}\n\n${clean(question).trim()}\n`
