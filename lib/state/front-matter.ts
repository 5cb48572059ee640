/** Files that people write: settings in YAML between lines of three dashes, then Markdown. Either may be missing. */
import type * as z from 'zod/mini'
import { type Code, Failure } from '../kit/errors.ts'

/** What such a file is, in the words of its failures. */
export interface Kind {
  readonly code: Code
  /** `a spec` */
  readonly name: string
  /** Bytes. */
  readonly limit: number
  /** What to do with one that cannot be read. */
  readonly hint: string
}

export interface Divided {
  /** Null when there is no front matter. */
  readonly yaml: string | null
  readonly body: string
  /** Number of the front matter's first line in the file. */
  readonly line: number
}

export async function parseFront<T extends z.ZodMiniType>(
  { yaml, line }: Divided,
  schema: T,
  file: string,
  { code }: Kind,
): Promise<z.output<T>> {
  // Slow to load, and not every file has any.
  const { parseYaml } = await import('./yaml.ts')
  return parseYaml(yaml ?? '', schema, { file, code, line })
}

/** Its lines end with a newline alone. */
export function decode(bytes: Buffer, file: string, kind: Kind): string {
  const { code, name, limit, hint } = kind
  if (bytes.length > limit) {
    throw new Failure(code, `${file} is longer than ${limit} bytes, which is the most for ${name}`, {
      hint: 'Put long material into files and point to them.',
    })
  }
  if (bytes.includes(0)) throw new Failure(code, `${file} is not text: it holds a NUL byte`, { hint })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n')
  } catch (error) {
    if (error instanceof TypeError) throw new Failure(code, `${file} is not UTF-8 text`, { hint })
    throw error
  }
}

export function divide(text: string, file: string, { code }: Kind): Divided {
  if (!/^---[ \t]*\n/.test(text)) return { yaml: null, body: text, line: 1 }
  const rest = text.slice(text.indexOf('\n') + 1)
  const end = /^---[ \t]*$/m.exec(rest)
  if (!end)
    throw new Failure(code, `${file}:1: the front matter begins with --- and is never closed`, {
      hint: 'Close it with a line of three dashes.',
    })
  return {
    yaml: rest.slice(0, end.index),
    body: rest.slice(end.index + end[0].length).replace(/^\n+/, ''),
    line: 2,
  }
}
