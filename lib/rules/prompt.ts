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
import type { Say } from './texts.ts'

export interface PromptParts {
  /** What stands above each part, and the contract. */
  readonly say: Say
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
  const firm = `${contractOf(parts)}\n\n${closed(factsOf(parts))}\n\n`
  const { lessons, spec, change, done, checkpoint, failure, told, messages } = pieces(parts)
  const printed = [lessons, spec, change, done, checkpoint, failure, told, messages]
  const firmest = [spec, messages, change, failure, lessons, checkpoint, done, told].map((piece) =>
    printed.indexOf(piece),
  )
  return `${firm}${share(printed, firmest, parts.maxBytes - size(firm) - 1, whereOf(parts))}\n`
}

/** Where what has no room can be read. */
const whereOf = ({ taskDirectory, lessonsDirectory }: PromptParts): string =>
  `look into ${taskDirectory}, ${lessonsDirectory} and git log`

const contractOf = ({ say, status }: PromptParts): string =>
  status.settings.plan ? `${say('worker')}\n\n${say('plan')}` : say('worker')

function pieces(parts: PromptParts) {
  const { say, status, body, specPath, maxBytes } = parts
  const cut = `(Cut here: there is no room for all of it. Read the whole of it before you begin: ${specPath})`
  return {
    lessons: lessonsPiece(parts),
    spec: specPiece(body, () => say('task', { title: status.title }), cut, maxBytes),
    change: optional(
      'what has changed in the spec',
      parts.change,
      ({ before }) => say('spec-changed', { path: before }),
      changeSection,
      8,
      0.5,
    ),
    done: optional(
      'commits',
      parts.done.length > 0 && parts.done,
      () => say('commits'),
      doneSection,
      3,
      0.25,
    ),
    checkpoint: optional(
      'the checkpoint',
      parts.checkpoint,
      () => say('checkpoint'),
      checkpointSection(parts),
      9,
      1.5,
    ),
    failure: optional(
      'why the last attempt failed',
      parts.failure,
      () => say('failure'),
      failureSection,
      8,
      0.75,
    ),
    told: optional(
      'messages of earlier attempts',
      parts.told.length > 0 && parts.told,
      () => say('earlier-messages'),
      toldSection(parts),
      8,
      0.75,
    ),
    messages: messagesPiece(parts),
  } satisfies Record<string, Piece>
}

/** Writes what there is below its text, in at most `limit` bytes. */
type Section<T> = (what: T, above: string, limit: number) => string

/** @param most kilobytes; so are the least, beside what stands above */
export function optional<T>(
  name: string,
  what: T | null | false,
  above: (what: T) => string,
  section: Section<T>,
  most: number,
  least: number,
): Piece {
  if (!what) return { within: () => '', most: 0, least: 0 }
  const text = above(what)
  return {
    name,
    within: (limit) => section(what, text, limit),
    most: most * kilobyte,
    least: least * kilobyte + size(text),
  }
}

/** The spec below its title. @param note where the rest is, when it is cut; @param most bytes */
export function specPiece(body: string | null, above: () => string, note: string, most: number): Piece {
  const section: Section<string> = (spec, heading, limit) => {
    const text = beginning(spec.trim(), limit - size(heading) - 2, note)
    return text === '' ? '' : `${heading}\n\n${text}`
  }
  return withFloor(optional('the spec', body, above, section, most / kilobyte, 3))
}

/** As many as there is room for, each whole: a rule cut in half may say something else. */
export function lessonsPiece({
  lessons,
  lessonsDirectory,
  say,
}: Pick<PromptParts, 'lessons' | 'lessonsDirectory' | 'say'>): Piece {
  const section: Section<readonly string[]> = (rules, above, limit) => {
    const items = rules.map((rule) => closed(clean(rule).trim()).replace(/^/gm, '  ').replace(/^ /, '-'))
    // Nobody bounds how many there are: only those that can have room are tried.
    let room = limit - size(above)
    const over = items.findIndex((item) => {
      room -= size(item) + 1
      return room < 0
    })
    for (let shown = over === -1 ? items.length : over; shown > 0; shown--) {
      const left = items.length - shown
      const more = left > 0 ? `\n\n(${left} more, for which there is no room here: ${lessonsDirectory})` : ''
      const text = `${above}\n\n${items.slice(0, shown).join('\n')}${more}`
      if (size(text) <= limit) return text
    }
    const short = `${above}\n\n(There is no room for them here: read the files in ${lessonsDirectory})`
    return size(short) <= limit ? short : ''
  }
  return optional('lessons', lessons.length > 0 && lessons, () => say('lessons'), section, 8, 1)
}

const changeSection: Section<SpecChange> = ({ diff }, above, limit) =>
  quoted({ above, text: diff, keep: 'beginning', path: null }, limit)

const doneSection: Section<readonly string[]> = (done, above, limit) => {
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

const checkpointSection =
  ({ checkpointPath }: PromptParts): Section<string> =>
  (text, above, limit) =>
    quoted({ above, text: tail(text, 8 * kilobyte), keep: 'end', path: checkpointPath }, limit)

export const failureSection: Section<TaskFailure> = (failure, heading, limit) => {
  const room = limit - size(heading) - 2
  const within = (bytes: number) => `${heading}\n\n${beginning(clean(failure.message), bytes, '(Cut here.)')}`
  if (!failure.detail) {
    const text = within(room)
    return size(text) <= limit ? text : ''
  }
  const above = within(Math.floor(room / 2))
  return quoted({ above, text: failure.detail, keep: 'end', path: null }, limit)
}

const toldSection =
  ({ seenDirectory }: PromptParts): Section<readonly Told[]> =>
  (told, above, limit) => {
    const text = `${above}\n\n${messageList(told, 'newest', seenDirectory, limit - size(above) - 2)}`
    return size(text) <= limit ? text : ''
  }

export function messagesPiece({
  messages,
  seenDirectory,
  say,
}: Pick<PromptParts, 'messages' | 'seenDirectory' | 'say'>): Piece {
  const section: Section<readonly Told[]> = (mail, above, limit) =>
    `${above}\n\n${messageList(mail, 'oldest', seenDirectory, limit - size(above) - 2)}`
  return withFloor(
    optional('messages', messages.length > 0 && messages, () => say('messages'), section, 64, 1),
  )
}

/** Of what must not be left out without a word: those after it may have to be. */
const withFloor = (piece: Piece): Piece => ({ ...piece, floor: piece.least })
