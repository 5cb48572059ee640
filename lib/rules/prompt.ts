/**
 * The worker's prompt: contract, facts, spec, then what earlier attempts left; in `maxBytes` at most, however long
 * a task has gone on. Contract and facts are always whole. Of the others, those that a worker could find again by
 * itself give way first (`firmest`), each names the file that has the whole of it, and none disappears while there
 * is room for a line about it. Pure.
 */
import { clean, oneLine, plural, tail } from '../kit/text.ts'
import type { TaskFailure } from '../state/schema/common.ts'
import type { Status } from '../state/schema/status.ts'
import { beginning, closed, type Piece, quoted, share, size } from './fit.ts'
import { factsOf } from './prompt-facts.ts'
import { messageList, type Told } from './prompt-messages.ts'

export interface PromptParts {
  /** skill/prompts/worker.md */
  readonly contract: string
  readonly status: Status
  readonly taskDirectory: string
  /** The spec without its front matter, and where it is. */
  readonly body: string
  readonly specPath: string
  /** What has changed in the spec since the last worker was told it; null when nothing has. */
  readonly change: SpecChange | null
  readonly checkpoint: string | null
  readonly checkpointPath: string
  readonly messages: readonly Told[]
  /** What earlier attempts were told: oldest first. */
  readonly told: readonly Told[]
  /** Where the messages are once the worker runs, for those that are too long. */
  readonly seenDirectory: string
  readonly failure: TaskFailure | null
  /** Rules that fit the task, newest first. */
  readonly lessons: readonly string[]
  /** Where all of them are. */
  readonly lessonsDirectory: string
  /** `git log --oneline` of what the branch already holds, newest first. */
  readonly done: readonly string[]
  readonly maxBytes: number
}

export interface SpecChange {
  /** Lines of a diff, from the revision that was told to the one that counts now. */
  readonly diff: string
  /** Where the revision that was told is. */
  readonly before: string
}

const kilobyte = 1024

export function composePrompt(parts: PromptParts): string {
  const firm = `${parts.contract.trim()}\n\n${closed(factsOf(parts))}\n\n`
  const { lessons, spec, change, done, checkpoint, failure, told, messages } = pieces(parts)
  const printed = [lessons, spec, change, done, checkpoint, failure, told, messages]
  const firmest = [spec, messages, change, failure, lessons, checkpoint, done, told].map((piece) =>
    printed.indexOf(piece),
  )
  return `${firm}${share(printed, firmest, parts.maxBytes - size(firm) - 1)}\n`
}

function pieces(parts: PromptParts) {
  return {
    lessons: optional(
      parts.lessons.length > 0 && parts.lessons,
      (rules, limit) => lessonsSection(rules, parts, limit),
      8,
      1,
    ),
    spec: { within: (limit: number) => specSection(parts, limit), most: parts.maxBytes, least: 3 * kilobyte },
    change: optional(parts.change, (change, limit) => changeSection(change, limit), 8, 0.5),
    done: optional(parts.done.length > 0 && parts.done, doneSection, 3, 0.25),
    checkpoint: optional(parts.checkpoint, (text, limit) => checkpointSection(text, parts, limit), 9, 1.5),
    failure: optional(parts.failure, failureSection, 8, 0.75),
    told: optional(
      parts.told.length > 0 && parts.told,
      (told, limit) => toldSection(told, parts, limit),
      8,
      0.75,
    ),
    messages: optional(
      parts.messages.length > 0 && parts.messages,
      (messages, limit) => messagesSection(messages, parts, limit),
      64,
      1,
    ),
  } satisfies Record<string, Piece>
}

/** @param most kilobytes; so are the least */
export function optional<T>(
  what: T | null | false,
  within: (what: T, limit: number) => string,
  most: number,
  least: number,
): Piece {
  return {
    within: (limit) => (what ? within(what, limit) : ''),
    most: most * kilobyte,
    least: least * kilobyte,
  }
}

function specSection({ status, body, specPath }: PromptParts, limit: number): string {
  const heading = `# The task: ${status.title}`
  const note = `(Cut here: there is no room for all of it. Read the whole of it before you begin: ${specPath})`
  const text = beginning(body.trim(), limit - size(heading) - 2, note)
  return text === '' ? '' : `${heading}\n\n${text}`
}

/** As many as there is room for, each whole: a rule cut in half may say something else. */
function lessonsSection(rules: readonly string[], { lessonsDirectory }: PromptParts, limit: number): string {
  const above =
    '# Lessons\n\nRules that were learned in this repository. They hold for this task, too, unless it says otherwise.'
  const items = rules.map((rule) => closed(clean(rule).trim()).replace(/^/gm, '  ').replace(/^ /, '-'))
  for (let shown = items.length; shown > 0; shown--) {
    const left = items.length - shown
    const more = left > 0 ? `\n\n(${left} more, for which there is no room here: ${lessonsDirectory})` : ''
    const text = `${above}\n\n${items.slice(0, shown).join('\n')}${more}`
    if (size(text) <= limit) return text
  }
  const short = `${above}\n\n(There is no room for them here: read the files in ${lessonsDirectory})`
  return size(short) <= limit ? short : ''
}

function changeSection({ diff, before }: SpecChange, limit: number): string {
  const above = `# The spec has changed since your last attempt\n\nAbove it stands as it is now, and that counts. What earlier attempts did for the old one may have to be changed or undone; the rest of it stays. The old one: ${before}. The lines that differ:`
  return quoted({ above, text: diff, keep: 'beginning', path: null }, limit)
}

function doneSection(done: readonly string[], limit: number): string {
  const above =
    '# Already committed on your branch\n\nEarlier attempts made these commits. Go on from them; do not do them again.'
  const lines = done.map((line) => oneLine(line, 120))
  for (let shown = Math.min(lines.length, mostCommits); shown > 0; shown--) {
    const earlier = lines.length > shown ? [`+${lines.length - shown} earlier (git log)`] : []
    const text = quoted(
      { above, text: [...lines.slice(0, shown), ...earlier].join('\n'), keep: 'beginning', path: null },
      Infinity,
    )
    if (size(text) <= limit) return text
  }
  const short = `${above}\n\n(${plural(lines.length, 'commit')}: git log)`
  return size(short) <= limit ? short : ''
}

const mostCommits = 25

function checkpointSection(text: string, { checkpointPath }: PromptParts, limit: number): string {
  const above = '# Your checkpoint\n\nThis is where earlier attempts were. Skip what it says is done.'
  return quoted({ above, text: tail(text, 8 * kilobyte), keep: 'end', path: checkpointPath }, limit)
}

export function failureSection(failure: TaskFailure, limit: number): string {
  const heading = '# Why the last attempt did not end the task'
  const within = (bytes: number) => `${heading}\n\n${beginning(clean(failure.message), bytes, '(Cut here.)')}`
  if (!failure.detail) {
    const text = within(limit - size(heading) - 2)
    return size(text) <= limit ? text : ''
  }
  const above = within(Math.floor(limit / 2))
  return quoted({ above, text: failure.detail, keep: 'end', path: null }, limit)
}

function toldSection(told: readonly Told[], { seenDirectory }: PromptParts, limit: number): string {
  const above =
    '# Messages that earlier attempts were told\n\nThey still hold. What they ask for may be done already: look before you do it again.'
  const text = `${above}\n\n${messageList(told, 'newest', seenDirectory, limit - size(above) - 2)}`
  return size(text) <= limit ? text : ''
}

export function messagesSection(
  messages: readonly Told[],
  { seenDirectory }: Pick<PromptParts, 'seenDirectory'>,
  limit: number,
): string {
  const heading = '# Messages for you'
  return `${heading}\n\n${messageList(messages, 'oldest', seenDirectory, limit - size(heading) - 2)}`
}
