/**
 * The prompt of an attempt that goes on with the worker's own thread: what that does not know yet, within the same
 * bounds as any prompt. Pure.
 */
import { clean } from '../kit/text.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'
import { beginning, share, size } from './fit.ts'
import { failureSection, messagesSection, optional } from './prompt.ts'
import type { Told } from './prompt-messages.ts'

export interface News {
  readonly status: Status
  /** The spec without its front matter, when the thread was told another revision. */
  readonly refined: string | null
  readonly specPath: string
  /** How the worker's last turn ended, when that was a failure. */
  readonly failure: TaskFailure | null
  readonly messages: readonly Told[]
  readonly seenDirectory: string
  readonly maxBytes: number
}

export function composeNews(news: News): string {
  const { status, refined, failure, messages, maxBytes } = news
  const firm = `# You go on\n\nTask, rules and facts are those you know, and your worktree is as you left it. Commands of yours that still ran were ended.\n\nAttempt: ${status.attempt}\n\n`
  const pieces = [
    optional(refined, (body, limit) => refinedSection(body, news, limit), 1024, 3),
    optional(failure, failureSection, 8, 0.75),
    optional(messages.length > 0 && messages, (mail, limit) => messagesSection(mail, news, limit), 64, 1),
  ]
  return `${firm}${share(pieces, [0, 2, 1], maxBytes - size(firm) - 1)}`.trimEnd().concat('\n')
}

function refinedSection(body: string, { status, specPath }: News, limit: number): string {
  const heading = `# The task was refined: ${status.title}`
  const note = `(Cut here: there is no room for all of it. Read the whole of it: ${specPath})`
  const text = beginning(body.trim(), limit - size(heading) - 2, note)
  return text === '' ? '' : `${heading}\n\n${text}`
}

/** What a copy of the worker's thread is asked, which is to answer and do nothing else. */
export const asidePrompt = (question: string): string =>
  `# A question on the side

You are a copy of the worker, made to answer this; the worker itself goes on and does not know of it. Do not go on with the task. You can read, and nothing you do can change anything. Answer in your last message, in at most 200 words, from what you know; say so where you do not know.

${clean(question).trim()}
`
