/**
 * Cuts a byte stream into lines, whatever the size of its pieces: bytes are only decoded when a line is
 * whole. Of a line beyond the limit only its two ends are kept, so that one flood costs no memory.
 */
export type Line = { whole: string } | { head: string; tail: string }

const headBytes = 1024
const tailBytes = 256

export class Lines {
  readonly #limit: number
  #parts: Buffer[] = []
  #size = 0
  /** Set while the line at hand is beyond the limit. */
  #ends: { head: Buffer; tail: Buffer } | null = null

  constructor(limit: number) {
    this.#limit = limit
  }

  feed(chunk: Buffer): Line[] {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#take(chunk.subarray(start, end))
      lines.push(this.#end())
      start = end + 1
    }
    // What stays for the next call is copied: the caller may read into the same buffer again.
    if (start < chunk.length) this.#take(Buffer.from(chunk.subarray(start)))
    return lines
  }

  #take(piece: Buffer): void {
    this.#size += piece.length
    if (this.#ends !== null) {
      this.#ends.tail = last(Buffer.concat([this.#ends.tail, last(piece)]))
      return
    }
    this.#parts.push(piece)
    if (this.#size <= this.#limit) return
    const all = Buffer.concat(this.#parts)
    this.#ends = { head: Buffer.from(all.subarray(0, headBytes)), tail: Buffer.from(last(all)) }
    this.#parts = []
  }

  #end(): Line {
    const line = this.#ends
      ? { head: this.#ends.head.toString(), tail: this.#ends.tail.toString() }
      : { whole: (this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts))?.toString() ?? '' }
    this.#parts = []
    this.#size = 0
    this.#ends = null
    return line
  }
}

function last(bytes: Buffer): Buffer {
  return bytes.length <= tailBytes ? bytes : bytes.subarray(bytes.length - tailBytes)
}
