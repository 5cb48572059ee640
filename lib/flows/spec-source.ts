/** Reads the spec that was named on the command line: a file, or `-` for stdin. */
import { lstatSync, readSync, statSync } from 'node:fs'
import { errno, Failure } from '../kit/errors.ts'
import { readHead } from '../kit/read.ts'
import { cut } from '../kit/text.ts'
import { parseSpec, type Spec, specLimit } from '../state/spec.ts'

export async function readSpec(source: string): Promise<Spec> {
  return source === '-' ? await parseSpec(readStdin(), 'stdin') : await parseSpec(readFile(source), source)
}

function readFile(path: string): Buffer {
  try {
    // Looked at before it is opened: opening a FIFO would wait for a writer.
    if (!statSync(path).isFile())
      throw new Failure('bad-spec', `${path} is not a regular file`, { hint: 'Name a Markdown file.' })
    // One byte more than is allowed is enough to know that it is too long.
    return readHead(path, specLimit + 1)
  } catch (error) {
    throw errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR'
      ? missing(path, errno(error))
      : unreadable(path, error)
  }
}

function missing(path: string, code: string | undefined): Failure {
  const dangling = code === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
  const why = dangling ? ' (a link that leads nowhere)' : ''
  return new Failure('spec-not-found', `There is no file ${JSON.stringify(path)}${why}`, {
    hint: 'Name the spec: --spec FILE, or --spec - for stdin.',
  })
}

/** Any errno: why a file of somebody's choice cannot be read is theirs to know. */
function unreadable(name: string, error: unknown): unknown {
  if (errno(error) === undefined || error instanceof Failure) return error
  return new Failure('bad-spec', `${cut(name, 200)} cannot be read: ${errno(error)}`, {
    hint: 'Name a Markdown file that this user may read: --spec FILE, or --spec - for stdin.',
    cause: error,
  })
}

/** Stops as soon as it is too long. */
function readStdin(): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  while (size <= specLimit) {
    const chunk = Buffer.alloc(64 * 1024)
    const count = readSome(chunk)
    if (count === 0) break
    chunks.push(chunk.subarray(0, count))
    size += count
  }
  return Buffer.concat(chunks)
}

function readSome(chunk: Buffer): number {
  while (true) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      if (errno(error) === 'EOF') return 0
      if (errno(error) !== 'EAGAIN') throw unreadable('stdin', error)
      // A terminal or pipe set to non-blocking by somebody else: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
