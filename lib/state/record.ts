/**
 * Reads and writes the JSON files of the state directory. The schema is the type: every read is
 * parsed, an unknown version is refused, and a file that does not fit is an error with its path,
 * never null.
 */
import type * as z from 'zod/mini'
import { Failure, reasonOf } from '../kit/errors.ts'
import { replaceFile, writeFileDurable } from '../kit/files.ts'
import { referencePage } from '../kit/package.ts'
import { patience } from '../kit/patience.ts'
import { readBounded } from '../kit/read.ts'
import { oneLine } from '../kit/text.ts'

const recordLimit = 1024 * 1024

/** Undefined when the file does not exist; throws `corrupt-file` or `unknown-version` otherwise. */
export function readRecord<T extends z.ZodMiniType>(path: string, schema: T): z.output<T> | undefined {
  return readWithText(path, schema)?.value
}

/** The record and the very bytes it was read from. One that a person may just be saving is looked at again. */
export function readWithText<T extends z.ZodMiniType>(
  path: string,
  schema: T,
): { readonly value: z.output<T>; readonly bytes: Buffer } | undefined {
  const again = patience(path)
  while (true) {
    try {
      const bytes = readBounded(path, recordLimit)
      return bytes && { value: parseRecord(path, bytes.toString(), schema), bytes }
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'corrupt-file' || !again()) throw error
    }
  }
}

/** Is the file what it was? */
export const isStill = (path: string, bytes: Buffer): boolean =>
  readBounded(path, recordLimit)?.equals(bytes) ?? false

export function parseRecord<T extends z.ZodMiniType>(path: string, text: string, schema: T): z.output<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw corrupt(path, oneLine(reasonOf(error), 200))
  }
  const version =
    typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined
  if (typeof version === 'number' && version !== 1) {
    throw new Failure('unknown-version', `${path} has version ${version}; this Dirigent knows version 1`, {
      hint: 'Use the newer Dirigent that wrote it.',
    })
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw corrupt(path, issueText(parsed.error.issues))
  return parsed.data
}

export function writeRecord(path: string, value: unknown, options = { durable: true }): void {
  writeFileDurable(path, recordText(value), options)
}

/** Writes if `still` holds right before the new record takes the old one's place. */
export function replaceRecord(
  path: string,
  value: unknown,
  options: { readonly durable: boolean },
  still: () => boolean,
): boolean {
  return replaceFile(path, recordText(value), options, still)
}

export const recordText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** The first two things that are wrong, with the field's path. */
function issueText(issues: readonly z.core.$ZodIssue[]): string {
  return issues
    .slice(0, 2)
    .map((issue) => `${issue.path.join('.') || 'the whole'}: ${issueMessage(issue)}`)
    .join('; ')
}

/** As people say it. */
const kinds: Readonly<Record<string, string>> = {
  array: 'a list, such as [one, two]',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
}

export function issueMessage(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'unrecognized_keys':
      return `unknown field ${issue.keys.join(', ')}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_small':
      return `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_format':
      return issue.pattern ? `must match ${issue.pattern}` : `must be ${issue.format}`
    default:
      return issue.message || 'is not valid'
  }
}

function corrupt(path: string, why: string): Failure {
  return new Failure('corrupt-file', `${path} is damaged: ${why}`, {
    hint: `Mend it by hand, or move its directory away (a task: then dirigent doctor --fix, and its spec.md can be spawned again). Its fields: ${referencePage('state.md')}`,
    next: ['dirigent doctor'],
  })
}
