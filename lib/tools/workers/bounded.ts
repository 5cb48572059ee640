/** Text from a worker is data of any size: these cut it before anything keeps it. */

/** The first `max` bytes of the text in UTF-8, never half a character; an ellipsis says that some is missing. */
export function firstBytes(text: string, max: number): string {
  // A character is at least one byte and at most three per UTF-16 unit: most texts are not encoded at all.
  if (text.length * 3 <= max) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= max) return text
  let end = max - ellipsisBytes
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return `${bytes.toString('utf8', 0, end)}…`
}

/** The last `max` bytes of it, in the same way. */
export function lastBytes(text: string, max: number): string {
  if (text.length * 3 <= max) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= max) return text
  let start = bytes.length - max + ellipsisBytes
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1
  return `…${bytes.toString('utf8', start)}`
}

const ellipsisBytes = 3
