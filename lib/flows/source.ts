/** Reads what was named on the command line: a file, or `-` for stdin. */
import { lstatSync, readSync, statSync } from 'node:fs'
import { type Code, errno, Failure } from '../kit/errors.ts'
import { whenSaved } from '../kit/patience.ts'
import { readHead } from '../kit/read.ts'
import { cut } from '../kit/text.ts'

/** What is read, in the words of its failures. */
export interface Wanted {
  /** Bytes; of more, one byte more is given. */
  readonly limit: number
  readonly bad: Code
  readonly missing: Code
  /** `Name the spec: --spec FILE, or --spec - for stdin.` */
  readonly hint: string
  /** `Name a Markdown file` */
  readonly name: string
  /** `--spec FILE, or --spec - for stdin` */
  readonly how: string
}

/** Gives `parse` what is there. A file that it cannot read, or that may be just being saved, is read again. */
export async function readSource<T>(
  source: string,
  wanted: Wanted,
  parse: (bytes: Buffer, name: string) => T | Promise<T>,
): Promise<T> {
  if (source === '-') return await parse(readStdin(wanted), 'stdin')
  return await whenSaved(source, () => parse(readFile(source, wanted), source))
}

function readFile(path: string, wanted: Wanted): Buffer {
  try {
    // Looked at before it is opened: opening a FIFO would wait for a writer.
    if (!statSync(path).isFile())
      throw new Failure(wanted.bad, `${path} is not a regular file`, { hint: `${wanted.name}.` })
    // One byte more than is allowed is enough to know that it is too long.
    return readHead(path, wanted.limit + 1)
  } catch (error) {
    throw errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR'
      ? missing(path, errno(error), wanted)
      : unreadable(path, error, wanted)
  }
}

function missing(path: string, code: string | undefined, wanted: Wanted): Failure {
  const dangling = code === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
  const why = dangling ? ' (a link that leads nowhere)' : ''
  return new Failure(wanted.missing, `There is no file ${JSON.stringify(path)}${why}`, { hint: wanted.hint })
}

/** Any errno: why a file of somebody's choice cannot be read is theirs to know. */
function unreadable(name: string, error: unknown, wanted: Wanted): unknown {
  if (errno(error) === undefined || error instanceof Failure) return error
  return new Failure(wanted.bad, `${cut(name, 200)} cannot be read: ${errno(error)}`, {
    hint: `${wanted.name} that this user may read: ${wanted.how}.`,
    cause: error,
  })
}

/** Stops as soon as it is too long. */
function readStdin(wanted: Wanted): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  while (size <= wanted.limit) {
    const chunk = Buffer.alloc(64 * 1024)
    const count = readSome(chunk, wanted)
    if (count === 0) break
    chunks.push(chunk.subarray(0, count))
    size += count
  }
  return Buffer.concat(chunks)
}

function readSome(chunk: Buffer, wanted: Wanted): number {
  while (true) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      if (errno(error) === 'EOF') return 0
      if (errno(error) !== 'EAGAIN') throw unreadable('stdin', error, wanted)
      // A terminal or pipe set to non-blocking by somebody else: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
