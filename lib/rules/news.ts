/** The prompt of an attempt that goes on with the worker's own thread: what that does not know yet. Pure. */
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'
import { failureSection, inbox, limits, type PromptParts } from './prompt.ts'

export interface News {
  readonly status: Status
  /** The spec without its front matter, when the thread was told another revision. */
  readonly refined: string | null
  /** How the worker's last turn ended, when that was a failure. */
  readonly failure: TaskFailure | null
  readonly messages: PromptParts['messages']
  readonly seenDirectory: string
}

export function composeNews({ status, refined, failure, messages, seenDirectory }: News): string {
  const sections = [
    `# You go on\n\nTask, rules and facts are those you know, and your worktree is as you left it. Commands of yours that still ran were ended.\n\nAttempt: ${status.attempt}`,
    refined && `# The task was refined: ${status.title}\n\n${refined.trim()}`,
    failure && failureSection(failure),
    messages.length > 0 && `# Messages for you\n\n${inbox(messages, seenDirectory, limits.inbox)}`,
  ]
  return `${sections.filter((section) => section).join('\n\n')}\n`
}
