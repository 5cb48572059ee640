/** What a checkpoint has to have, and the one that is written for a worker that wrote none. Pure. */
import { clean, oneLine } from '../kit/text.ts'
import { beginning, closed, type Piece, quoted, share, size } from './fit.ts'

/** Bytes: so much of it reaches the next attempt. */
export const checkpointLimit = 8 * 1024

const names = ['done', 'now', 'next', 'notes'] as const
type Name = (typeof names)[number]
export type Sections = Readonly<Record<Name, string | null>>

/** By its headings, of any level; null for a section that is not there. */
export function sectionsOf(text: string): Sections {
  const found: Record<Name, string | null> = { done: null, now: null, next: null, notes: null }
  let current: Name | null = null
  for (const line of text.split('\n')) {
    const word = /^ {0,3}#{1,6}\s+(done|now|next|notes)\s*:?\s*#*\s*$/i.exec(line)?.[1]?.toLowerCase()
    const name = names.find((known) => known === word)
    if (name) current = name
    if (current) found[current] = `${found[current] ?? ''}${name ? '' : `${line}\n`}`
  }
  return found
}

/** What is wrong with it; null when nothing is. */
export function checkpointProblem(text: string): string | null {
  const sections = sectionsOf(text)
  const missing = names.filter((name) => sections[name] === null)
  if (missing.length > 0) return `it has no section ${missing.map((name) => `## ${title(name)}`).join(', ')}`
  const empty = names.find((name) => name !== 'notes' && sections[name]?.trim() === '')
  return empty ? `its section ## ${title(empty)} says nothing` : null
}

const title = (name: Name): string => `${name[0]?.toUpperCase()}${name.slice(1)}`

export interface Command {
  readonly what: string
  /** Null: it had not ended. */
  readonly exit: number | null
}

export interface Position {
  readonly attempt: number
  /** How it ended. */
  readonly ended: string
  /** One line each, newest first. */
  readonly commits: readonly string[]
  /** Uncommitted files with figures; empty when there are none. */
  readonly changes: string
  readonly words: string | null
  /** The last, oldest first. */
  readonly commands: readonly Command[]
  /** What a worker wrote itself in an earlier attempt, and where that is. */
  readonly own: string | null
  readonly ownPath: string | null
}

/** The same four sections. What a worker wrote itself stays, and gives way last. */
export function positionText(position: Position, limit: number): string {
  const { attempt, ended, own, ownPath } = position
  const carried = own === null ? null : carriedFrom(own)
  const earlier =
    ownPath === null ? '' : ` What a worker had written before is carried over; the whole of it: ${ownPath}`
  const keep = (name: Name, above: string) => carry(carried?.[name] ?? null, above)
  const printed = {
    head: fixed(
      `# Where attempt ${attempt} ended\n\nWritten by Dirigent: the worker wrote no checkpoint in this attempt.${earlier}`,
    ),
    done: fixed('## Done'),
    ownDone: keep('done', ''),
    commits: list('Commits on the branch, newest first:', position.commits, 10),
    now: fixed(`## Now\n\nAttempt ${attempt} ended: ${oneLine(ended, 300)}`),
    changes: block('Uncommitted in the worktree:', position.changes, 1200),
    commands: list('Its last commands:', position.commands.map(commandLine), 8),
    words: block('Its last words:', position.words ?? '', 1500),
    ownNow: keep('now', 'Before this attempt a worker wrote:'),
    next: fixed('## Next'),
    ownNext: keep('next', 'Written before this attempt, which may have done some of it:'),
    look: fixed('Look at what is uncommitted and at the last commits, then go on from there.'),
    notes: fixed('## Notes'),
    ownNotes: keep('notes', ''),
  } satisfies Record<string, Piece>
  const order = Object.keys(printed)
  const firmest = [
    'head',
    'done',
    'now',
    'next',
    'look',
    'notes',
    'ownDone',
    'ownNext',
    'ownNotes',
    'words',
    'changes',
    'commands',
    'commits',
    'ownNow',
  ] satisfies (keyof typeof printed)[]
  return `${share(
    Object.values(printed),
    firmest.map((name) => order.indexOf(name)),
    limit - 1,
    null,
  )}\n`
}

/** One without sections is a note as a whole. */
function carriedFrom(own: string): Sections {
  const sections = sectionsOf(own)
  return names.some((name) => sections[name]?.trim()) ? sections : { ...sections, notes: own }
}

const fixed = (text: string): Piece => ({ within: () => text, most: size(text), least: size(text) })

function carry(text: string | null, above: string): Piece {
  const told = clean(text ?? '').trim()
  const whole = above === '' ? told : `${above}\n\n${told}`
  const note = '(Cut here.)'
  return {
    within: (limit) => (told === '' ? '' : beginning(whole, limit, note)),
    most: size(closed(whole)) + 1,
    least: 300,
  }
}

function block(above: string, text: string, most: number): Piece {
  const within = (limit: number) =>
    text.trim() === '' ? '' : quoted({ above, text, keep: 'end', path: null }, limit)
  return { within, most, least: 300 }
}

function list(above: string, lines: readonly string[], most: number): Piece {
  const within = (limit: number) => {
    for (let shown = Math.min(most, lines.length); shown > 0; shown--) {
      const more = lines.length > shown ? [`- … and ${lines.length - shown} more`] : []
      const text = [
        above,
        '',
        ...lines.slice(0, shown).map((line) => `- ${oneLine(line, 120)}`),
        ...more,
      ].join('\n')
      if (size(text) <= limit) return text
    }
    return ''
  }
  return { within, most: 1400, least: 200 }
}

const commandLine = ({ what, exit }: Command): string =>
  `${oneLine(what, 100)} (${exit === null ? 'had not ended' : `exit ${exit}`})`
