/** YAML that people write, checked against a schema; what is wrong is named with its line and field. */
import { isMap, isNode, LineCounter, parseDocument } from 'yaml'
import type * as z from 'zod/mini'
import { type Code, Failure } from '../kit/errors.ts'
import { issueMessage } from './record.ts'

/** @param at where the text came from: its file, the failure's code, and its first line's number in the file */
export function parseYaml<T extends z.ZodMiniType>(
  text: string,
  schema: T,
  at: { readonly file: string; readonly code: Code; readonly line: number },
): z.output<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const lineOf = (offset: number) => lines.linePos(offset).line + at.line - 1
  const broken = document.errors[0]
  if (broken) {
    throw new Failure(at.code, `${at.file}:${lineOf(broken.pos[0])}: ${broken.message}`, {
      hint: 'Mend the YAML at that line.',
    })
  }
  const parsed = schema.safeParse(aliasesResolved(document, at) ?? {})
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (!issue)
    throw new Failure(at.code, `${at.file}: not valid`, { hint: 'Compare it with skill/reference/state.md.' })
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path
  const line = lineOf(offsetOf(document, path))
  const field = path.join('.') || 'the whole'
  const what = issue.code === 'unrecognized_keys' ? 'is not a field' : issueMessage(issue)
  throw new Failure(at.code, `${at.file}:${line}: ${field} ${what}`, {
    hint: `Mend the field ${field} at line ${line}.${issue.code === 'unrecognized_keys' ? fieldsThere(schema, issue.path) : ''}`,
  })
}

/** ` Fields: title, needs, …`: what may stand where something else was found. */
function fieldsThere(schema: z.core.$ZodType, path: readonly PropertyKey[]): string {
  const { def } = schema._zod as { readonly def: Partial<Inner & { shape: Record<string, z.core.$ZodType> }> }
  if (def.innerType) return fieldsThere(def.innerType, path)
  if (!def.shape) return ''
  const [first, ...rest] = path
  if (first === undefined) return ` Fields: ${Object.keys(def.shape).join(', ')}`
  const field = def.shape[String(first)]
  return field ? fieldsThere(field, rest) : ''
}

/** A schema around another: optional, with a default. */
interface Inner {
  readonly innerType: z.core.$ZodType
}

/** Aliases are resolved here: one that names nothing, or too many of them, is only found now. */
function aliasesResolved(
  document: ReturnType<typeof parseDocument>,
  at: { file: string; code: Code; line: number },
): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 })
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    throw new Failure(at.code, `${at.file}:${at.line}: ${error.message}`, {
      hint: 'Write the values out instead of using aliases (*name).',
      cause: error,
    })
  }
}

/** Where the deepest existing part of `path` begins. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true)
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => String(isNode(item.key) ? item.key.toJSON() : item.key) === String(path[depth - 1]),
      )
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0]
    }
    const node = document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}
