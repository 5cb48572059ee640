/** Text in so many bytes: what is cut says so, fences stay closed, and who gives way to whom is an order. Pure. */
import { clean, head, tail } from '../kit/text.ts'

/** A part of a text that can be said in less. */
export interface Piece {
  /** In at most `limit` bytes; empty when so few would say nothing. */
  readonly within: (limit: number) => string
  /** It never takes more, however much room there is. */
  readonly most: number
  /** Those before it leave it so much. */
  readonly least: number
  /** What is said to be missing when it has to be left out. */
  readonly name?: string
  /** What it takes of that although it leaves those after it nothing. */
  readonly floor?: number
}

const between = '\n\n'

/**
 * The pieces in the order they were given, in at most `room` bytes together.
 * @param firmest indexes of the pieces: the first is served first, and gives way last
 * @param where what has no room can be read: it is named at the end; null: without a word
 */
export function share(
  pieces: readonly Piece[],
  firmest: readonly number[],
  room: number,
  where: string | null,
): string {
  const first = divided(pieces, firmest, room)
  if (where === null || first.left.length === 0) return first.text
  const again = divided(pieces, firmest, room - size(missing(pieces, where)) - between.length)
  // A word about reminders is not worth what must be told.
  if (again.left.some(({ floor = 0 }) => floor > 0)) return first.text
  return `${again.text}${between}${missing(again.left, where)}`
}

function missing(pieces: readonly Piece[], where: string): string {
  const names = pieces.flatMap(({ name }) => name ?? [])
  return `(There was no room here for ${names.join(', ')}: ${where})`
}

interface Divided {
  readonly text: string
  /** What had something to say and no room. */
  readonly left: readonly Piece[]
}

function divided(pieces: readonly Piece[], firmest: readonly number[], room: number): Divided {
  const said = pieces.map(() => '')
  const order = firmest.flatMap((index) => {
    const piece = pieces[index]
    const wanted = piece ? size(piece.within(piece.most)) : 0
    return piece && wanted > 0
      ? [{ index, piece, reserve: Math.min(piece.least, wanted) + between.length }]
      : []
  })
  let rest = room
  for (const [n, { index, piece }] of order.entries()) {
    const reserved = order.slice(n + 1).reduce((sum, { reserve }) => sum + reserve, 0)
    const free = rest - between.length
    const room = Math.max(free - reserved, Math.min(piece.floor ?? 0, free))
    const text = piece.within(Math.max(0, Math.min(piece.most, room)))
    said[index] = text
    if (text !== '') rest -= size(text) + between.length
  }
  const without = order.filter(({ index }) => said[index] === '').map(({ piece }) => piece)
  return { text: said.filter((text) => text !== '').join(between), left: without }
}

export const size = (text: string): number => Buffer.byteLength(text)

export interface Quoted {
  /** What stands above it: a heading, and what to make of it. */
  readonly above: string
  readonly text: string
  /** Which end says more, when only one can be had. */
  readonly keep: 'beginning' | 'end'
  /** Where the whole of it is. */
  readonly path: string | null
}

/** Material of somebody else's in a fence that it cannot close. */
export function quoted({ above, text, keep, path }: Quoted, limit: number): string {
  const material = clean(text).trim()
  const fence = fenceFor(material)
  const framed = (inner: string, note: string) => `${above}${note}${between}${fence}\n${inner}\n${fence}`
  const whole = framed(material, '')
  if (size(whole) <= limit) return whole
  // A paragraph of its own: what stands above may end with a fence.
  const note = `${between}(Only its ${keep} is here${pointer(path)}.)`
  const room = limit - size(framed('', note))
  if (room >= leastQuoted) {
    const part = keep === 'end' ? tail(material, room) : head(material, room)
    return framed(part.trim(), note)
  }
  const named = `${above}${between}(There is no room for it here${pointer(path)}.)`
  return size(named) <= limit ? named : ''
}

/** Fewer bytes of somebody's words than this say nothing. */
const leastQuoted = 200

const pointer = (path: string | null): string => (path === null ? '' : `; the whole of it: ${path}`)

/** Longer than any in the text. */
function fenceFor(text: string): string {
  const longest = [...text.matchAll(/`+/g)].reduce((most, [ticks]) => Math.max(most, ticks.length), 2)
  return '`'.repeat(longest + 1)
}

/** Markdown that is told as it stands: whole, or its beginning and `note`. Empty when not even that has room. */
export function beginning(text: string, limit: number, note: string): string {
  const whole = closed(text)
  if (size(whole) <= limit) return whole
  const room = limit - size(note) - between.length
  for (let bytes = room; bytes > 0; ) {
    const part = closed(head(text, bytes).trimEnd())
    const over = size(part) - room
    if (over <= 0) return part === '' ? note : `${part}${between}${note}`
    bytes -= over
  }
  return size(note) <= limit ? note : ''
}

/** A code block that is not closed would swallow what follows. */
export function closed(text: string): string {
  let open: string | null = null
  for (const line of text.split('\n')) {
    const [, fence = '', rest = ''] = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$/.exec(line) ?? []
    if (fence === '') continue
    if (open === null) open = fence
    else if (fence[0] === open[0] && fence.length >= open.length && rest.trim() === '') open = null
  }
  return open === null ? text : `${text}\n${open}`
}
