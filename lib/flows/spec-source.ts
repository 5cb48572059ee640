/** Reads the spec that was named on the command line: a file, or `-` for stdin. */
import { lstatSync, readSync, statSync } from 'node:fs'
import { Failure } from '../kit/errors.ts'
import { readHead } from '../kit/files.ts'
import { parseSpec, type Spec, specLimit } from '../state/spec.ts'

export async function readSpec(source: string): Promise<Spec> {
  return source === '-' ? await parseSpec(readStdin(), 'stdin') : await parseSpec(readFile(source), source)
}

function readFile(path: string): Buffer {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) {
    const dangling = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
    throw new Failure(
      'spec-not-found',
      `There is no file ${path}${dangling ? ' (a link that leads nowhere)' : ''}`,
      {
        hint: 'Name the spec: --spec FILE, or --spec - for stdin.',
      },
    )
  }
  if (!stat.isFile())
    throw new Failure('bad-spec', `${path} is not a regular file`, { hint: 'Name a Markdown file.' })
  try {
    // One byte more than is allowed is enough to know that it is too long.
    return readHead(path, specLimit + 1)
  } catch (error) {
    throw new Failure('bad-spec', `${path} cannot be read`, {
      hint: 'Make it readable for this user.',
      cause: error,
    })
  }
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
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN') throw error
      // A terminal or pipe set to non-blocking by somebody else: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}
