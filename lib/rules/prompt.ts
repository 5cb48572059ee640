/** The worker's prompt: contract, facts, spec, then what earlier attempts left. Pure. */
import { clean, head, tail } from '../kit/text.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Settings, Status } from '../state/schema/status.ts'

/** Bytes each part may take; the newest end is kept, of a message its beginning. */
export const limits = {
  checkpoint: 8 * 1024,
  message: 16 * 1024,
  inbox: 64 * 1024,
  told: 16 * 1024,
  failure: 8 * 1024,
}

export interface PromptParts {
  /** skill/prompts/worker.md */
  readonly contract: string
  readonly status: Status
  readonly taskDirectory: string
  /** The spec without its front matter. */
  readonly body: string
  readonly checkpoint: string | null
  readonly messages: readonly { readonly name: string; readonly text: string }[]
  /** What earlier attempts were told: oldest first. */
  readonly told: readonly { readonly name: string; readonly text: string }[]
  /** Where the messages are once the worker runs, for those that are too long. */
  readonly seenDirectory: string
  readonly failure: TaskFailure | null
  /** `git log --oneline` of what the branch already holds. */
  readonly done: readonly string[]
}

export function composePrompt(parts: PromptParts): string {
  const { status } = parts
  const sections = [
    parts.contract.trim(),
    facts(parts),
    `# The task: ${status.title}\n\n${parts.body.trim()}`,
    parts.done.length > 0 &&
      `# Already committed on your branch\n\nEarlier attempts made these commits. Go on from them; do not do them again.\n\n${quote(parts.done.join('\n'))}`,
    parts.checkpoint &&
      `# Your checkpoint\n\nYou wrote this in an earlier attempt. Skip what it says is done.\n\n${quote(tail(clean(parts.checkpoint), limits.checkpoint))}`,
    parts.failure && failureSection(parts.failure),
    parts.told.length > 0 &&
      `# Messages that earlier attempts were told\n\nThey still hold. What they ask for may be done already: look before you do it again.\n\n${inbox(parts.told, parts.seenDirectory, limits.told)}`,
    parts.messages.length > 0 &&
      `# Messages for you\n\n${inbox(parts.messages, parts.seenDirectory, limits.inbox)}`,
  ]
  return `${sections.filter((section) => section).join('\n\n')}\n`
}

function facts(parts: PromptParts): string {
  const { status } = parts
  const { settings, workplace } = status
  return [
    '# Facts',
    '',
    `Task: ${status.id}`,
    `Attempt: ${status.attempt}`,
    `Worktree: ${workplace?.worktree}`,
    `Branch: ${workplace?.branch}, to be landed on ${settings.base.branch}`,
    `Task directory: ${parts.taskDirectory}`,
    `Ports for you: ${workplace?.ports.base} to ${(workplace?.ports.base ?? 0) + (workplace?.ports.count ?? 1) - 1}`,
    ...(settings.plan ? planFacts(settings) : workFacts(settings)),
  ].join('\n')
}

function workFacts(settings: Settings): string[] {
  return [
    ...(settings.change === 'none'
      ? ['Wanted: a report as your last message. Do not change the repository.']
      : []),
    ...(settings.paths.length > 0 ? [`Stay within: ${settings.paths.join(', ')}`] : []),
    ...(settings.verify.length > 0
      ? ['Checks that must exit 0 when you are done:', ...settings.verify.map((command) => `- ${command}`)]
      : []),
  ]
}

/** What tasks of the plan are held to where it says nothing, and what is the most that it may say. */
function planFacts({ attempts, budget, paths, verify }: Settings): string[] {
  const most = [
    `${attempts} attempts`,
    ...(budget.minutes === null ? [] : [`${budget.minutes} minutes`]),
    ...(budget.tokens === null ? [] : [`${budget.tokens} tokens`]),
  ]
  return [
    'Wanted: a plan as your last message. Do not change the repository.',
    `Each task of the plan has at most: ${most.join(', ')}`,
    ...(paths.length > 0 ? [`Paths of a task that names none: ${paths.join(', ')}`] : []),
    ...(verify.length > 0
      ? ['Checks of a task that names none:', ...verify.map((command) => `- ${command}`)]
      : ['Checks of a task that names none: none']),
  ]
}

export function failureSection(failure: TaskFailure): string {
  const detail = failure.detail ? `\n\n${quote(tail(clean(failure.detail), limits.failure))}` : ''
  return `# Why the last attempt did not end the task\n\n${clean(failure.message)}${detail}`
}

/** All of them. One that is too long, or for which there is no room, is named with the file to read. */
export function inbox(messages: PromptParts['messages'], seenDirectory: string, limit: number): string {
  let room = limit
  const told = messages.map(({ name, text }) => {
    const whole = clean(text).trim()
    const part = head(whole, Math.min(room, limits.message))
    room -= Buffer.byteLength(part)
    const rest = part === whole ? '' : `\n\n(Cut here. Read the whole of it: ${seenDirectory}/${name})`
    return `## ${name}\n\n${part}${rest}`
  })
  return told.join('\n\n')
}

/** A fenced block whose fence is longer than any in the text: quoted material cannot close it. */
function quote(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text.trim()}\n${fence}`
}
