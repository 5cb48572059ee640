/**
 * A place in the news: how far the feed was read, how many tasks had ended, and a print of each thing that
 * stood and needed somebody. Whoever has one is told what came after it. Nothing is kept for it anywhere.
 *
 * At most 30 characters, so what stood is known by prints of 20 or 15 bits; when too much stood, by none. A print
 * decides only where the feed does not: a line of the feed always tells.
 */
import { createHash } from 'node:crypto'
import { Failure } from '../kit/errors.ts'

export interface Cursor {
  /** Bytes of the feed. */
  readonly offset: number
  /** Of the bytes before it: another feed in its place shows. */
  readonly mark: string
  /** How many tasks had ended, of those waited for; modulo `endedModulo`. */
  readonly ended: number
  /** Prints of what needed somebody, of `width` characters each; 0: there were too many. */
  readonly width: number
  readonly stood: readonly string[]
}

const longest = 30
/** Characters of a print: the first width that fits. */
const widths = [4, 3] as const
export const endedModulo = 36 ** 2

const pattern =
  /^([0-9a-z]{1,7})-([0-9a-z]{2})([0-9a-z]{2})(?:-(0|(?:4(?:[0-9a-z]{4})+)|(?:3(?:[0-9a-z]{3})+)))?$/

/** @param prints of what stands, by `printOf` */
export function cursorText(
  { offset, mark, ended }: Pick<Cursor, 'offset' | 'mark' | 'ended'>,
  prints: readonly string[],
): string {
  const count = (ended % endedModulo).toString(36).padStart(2, '0')
  const place = `${offset.toString(36)}-${mark}${count}`
  if (prints.length === 0) return place
  const width = widths.find((each) => place.length + 2 + each * prints.length <= longest)
  if (width === undefined) return `${place}-0`
  const stood = prints.map((print) => print.slice(0, width)).sort()
  return `${place}-${width}${stood.join('')}`
}

/** Throws `usage` for what is no cursor. */
export function readCursor(text: string): Cursor {
  const match = text.length <= longest ? pattern.exec(text) : null
  if (!match) {
    throw new Failure('usage', `--since ${JSON.stringify(text.slice(0, 60))} is not a cursor`, {
      hint: 'Copy what the last wait printed behind `cursor:`; without one: dirigent wait',
      next: ['dirigent wait'],
    })
  }
  const [, offset = '', mark = '', ended = '', stood = ''] = match
  const width = Number(stood[0] ?? widths[0])
  return {
    offset: Number.parseInt(offset, 36),
    mark,
    ended: Number.parseInt(ended, 36),
    width,
    stood: width === 0 ? [] : (stood.slice(1).match(new RegExp(`.{${width}}`, 'g')) ?? []),
  }
}

/** Of something that needs somebody: another one when it is another thing, though of the same task. */
export const printOf = (...words: readonly string[]): string => print(words.join('\0'), widths[0])

export const markOf = (bytes: Buffer): string => print(bytes, 2)

/** Did it stand when the cursor was made? Null: the cursor does not know. */
export function stoodAt({ width, stood }: Cursor, print: string): boolean | null {
  return width === 0 ? null : stood.includes(print.slice(0, width))
}

function print(content: string | Buffer, width: number): string {
  const number = createHash('sha256').update(content).digest().readUIntBE(0, 6)
  return (number % 36 ** width).toString(36).padStart(width, '0')
}
