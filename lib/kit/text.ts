/** Text for people and terminals: cleaned, cut, aligned. Pure. */

/**
 * Makes foreign text safe to print: no escape sequences (CSI, OSC and the like), no control
 * characters but tab and newline, no bidirectional overrides, no invalid halves of characters.
 */
export function clean(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][\s\S]*?(?:\u0007|\u001b\\|$)|[@-Z\\-_])/g, '')
      .replace(/\r\n?/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
      .replace(/[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
  )
}

/** A file's text with ends of lines as we write them: git may have turned them into those of the machine. */
export const withoutReturns = (bytes: Buffer | undefined): string | undefined =>
  bytes?.toString().replaceAll('\r\n', '\n')

/** One clean line of at most `width` characters. */
export function oneLine(text: string, width: number): string {
  return cut(clean(text).replace(/\s+/g, ' ').trim(), width)
}

/** The same for who pays by the token: what is not ASCII costs about three times as much, so there is less of it. */
export function thriftyLine(text: string, width: number): string {
  const line = oneLine(text, width)
  let cost = 0
  const fits = [...line].findIndex((character) => {
    cost += character <= '\u007f' || character === '…' ? 1 : 3
    return cost > width
  })
  return fits === -1 ? line : cut(line, fits)
}

export function cut(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`
}

/** The first `bytes` bytes of a text, to the end of a line where that is possible. */
export function head(text: string, bytes: number): string {
  const buffer = Buffer.from(text)
  if (buffer.length <= bytes) return text
  // Half a character at the end is none.
  const start = new TextDecoder('utf-8').decode(buffer.subarray(0, bytes), { stream: true })
  const newline = start.lastIndexOf('\n')
  return newline < start.length / 2 ? start : start.slice(0, newline)
}

/** The last `bytes` bytes of a text, from the start of a line where that is possible. */
export function tail(text: string, bytes: number): string {
  const buffer = Buffer.from(text)
  if (buffer.length <= bytes) return text
  const end = buffer.subarray(buffer.length - bytes).toString()
  const newline = end.indexOf('\n')
  return newline === -1 || newline > end.length / 2 ? end : end.slice(newline + 1)
}

/** 42 s · 3 min · 2 h 5 min · 3 d */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 36) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  return `${Math.round(hours / 24)} d`
}

/** By the clock on the wall: `14:05`, on another day `2026-11-21 14:05`. */
export function clockTime(time: Date, now: Date): string {
  const day = dayOf(time)
  return `${day === dayOf(now) ? '' : `${day} `}${two(time.getHours())}:${two(time.getMinutes())}`
}

/** `2026-11-21 14:05`, by the same clock; what is no time stays as it is. */
export function dateTime(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : clockTime(time, new Date(0))
}

/** `2026-11-20`, where we are. */
export function dayOf(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
}

const two = (n: number): string => String(n).padStart(2, '0')

/** 950 · 12.3k · 4.1M */
export function count(value: number): string {
  if (value < 1000) return String(value)
  if (value < 999_500) return `${(value / 1000).toFixed(value < 99_500 ? 1 : 0)}k`
  return `${(value / 1_000_000).toFixed(1)}M`
}

/** 1st · 2nd · 3rd · 11th */
export function ordinal(n: number): string {
  const teens = n % 100 >= 11 && n % 100 <= 13
  return `${n}${(teens ? undefined : ['th', 'st', 'nd', 'rd'][n % 10]) ?? 'th'}`
}

export function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : word.endsWith('s') ? 'es' : 's'}`
}

/** Columns aligned by their widest cell; trailing spaces removed. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length)
    })
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  )
}

/** At most `lines` lines and `bytes` bytes, then `… +N more`. */
export function bounded(all: readonly string[], lines = 40, bytes = 8000): string[] {
  const kept: string[] = []
  let size = 0
  for (const line of all) {
    size += Buffer.byteLength(line) + 1
    if (kept.length === lines - 1 && all.length > lines) break
    if (size > bytes - 20) break
    kept.push(line)
  }
  const left = all.length - kept.length
  return left > 0 ? [...kept, `… +${left} more`] : kept
}

/** The end of `all`, within the same bounds: what is newest last is cut at its beginning. */
export function boundedEnd(all: readonly string[], lines = 40, bytes = 8000): string[] {
  return bounded([...all].reverse(), lines, bytes).reverse()
}
