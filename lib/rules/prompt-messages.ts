/** Messages as a prompt tells them: none is left out without a word, and each that is cut is named with its file. Pure. */
import { clean, oneLine } from '../kit/text.ts'
import type { MessageFront } from '../state/schema/message.ts'
import { beginning, closed, quoted, size } from './fit.ts'

export interface Told extends Partial<Pick<MessageFront, 'id' | 'kind' | 'from' | 'at'>> {
  /** Of its file. */
  readonly name: string
  readonly text: string
  /** Of an answer: what the worker had asked. */
  readonly question?: string
}

/** Bytes of one message that a prompt has at most. */
const longestMessage = 16 * 1024

/**
 * All of them, oldest first.
 * @param firm whose words stay when there is not room for all: the oldest, or the newest
 * @param directory where they are once the worker runs
 */
export function messageList(
  messages: readonly Told[],
  firm: 'oldest' | 'newest',
  directory: string,
  limit: number,
): string {
  const first = firm === 'oldest' ? messages : [...messages].reverse()
  const named = first.map((message) => shortest(message, directory))
  const rest = size(more(messages.length, firm, directory))
  const names = fitting(named, limit, rest)
  const left = messages.length - names
  // Between two of them there is an empty line; after the last there is none.
  const fixed = named.slice(0, names).reduce((sum, text) => sum + size(text) + 2, left > 0 ? rest : -2)
  let room = limit - fixed
  const told = first.slice(0, names).map((message, n) => {
    const short = named[n] ?? ''
    const text = one(message, directory, Math.min(longestMessage, room + size(short)))
    room -= size(text) - size(short)
    return text
  })
  if (left > 0) told.push(more(left, firm, directory))
  return (firm === 'oldest' ? told : told.reverse()).join('\n\n')
}

/** How many can at least be named, with `rest` bytes for a word about the others. */
function fitting(named: readonly string[], limit: number, rest: number): number {
  const sizes = named.map((text) => size(text) + 2)
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0)
  if (all - 2 <= limit) return named.length
  let room = limit - rest
  const first = sizes.findIndex((bytes) => {
    room -= bytes
    return room < 0
  })
  return Math.max(0, first)
}

const more = (count: number, firm: 'oldest' | 'newest', directory: string): string =>
  `(${count} ${firm === 'oldest' ? 'more' : 'earlier'}, for which there is no room here: read the files in ${directory})`

/** `## hint: note from the orchestrator, 2026-02-03 04:05 UTC` */
function heading({ name, id, kind, from, at }: Told): string {
  if (!id || !kind || !from || !at) return `## ${oneLine(name, 100)}`
  const who = from === 'default' ? 'your own default' : `the ${from}`
  return `## ${oneLine(id, 100)}: ${kind} from ${who}, ${at.slice(0, 16).replace('T', ' ')} UTC`
}

/** Bytes of a question that is told again with its answer. */
const longestQuestion = 1024

function words({ question, text }: Told): string {
  const said = clean(text).trim()
  if (question === undefined) return said
  return `${quoted({ above: 'You had asked:', text: question, keep: 'beginning', path: null }, longestQuestion)}\n\n${said}`
}

/** One message as a prompt has it. */
export const whole = (message: Told): string => `${heading(message)}\n\n${closed(words(message))}`

/** In so few bytes as it can be: its file's name, or the whole of one that is shorter than that. */
function shortest(message: Told, directory: string): string {
  const { name } = message
  const named = `${heading(message)}\n\n(Read the whole of it: ${directory}/${oneLine(name, 300)})`
  const all = whole(message)
  return size(all) <= size(named) ? all : named
}

/** The same in so many bytes: its beginning, and the file that has the rest. */
export function one(message: Told, directory: string, limit: number): string {
  const all = whole(message)
  if (size(all) <= limit) return all
  const { name } = message
  const note = `(Cut here. Read the whole of it: ${directory}/${oneLine(name, 300)})`
  const part = beginning(words(message), limit - size(heading(message)) - 2, note)
  const cut = `${heading(message)}\n\n${part}`
  return part === '' || size(cut) > limit ? shortest(message, directory) : cut
}
