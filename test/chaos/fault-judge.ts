/** Is what a fault left behind the old state or the new one, and did the verb say the truth? */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type * as z from 'zod/mini'
import { codes, Failure, reasonOf } from '../../lib/kit/errors.ts'
import { isTemporaryName } from '../../lib/kit/files.ts'
import { lookAt } from '../../lib/kit/read.ts'
import { readRecord } from '../../lib/state/record.ts'
import { exit, refs, result, stop } from '../../lib/state/schema/attempt.ts'
import { status } from '../../lib/state/schema/status.ts'
import type { Traced } from './strace.ts'

const schemas: Readonly<Record<string, z.ZodMiniType>> = {
  'status.json': status,
  'exit.json': exit,
  'refs.json': refs,
  'result.json': result,
  'stop.json': stop,
}

/** Records that cannot be read, each with the reason. Temporary files are no records. */
export function unreadable(directory: string): string[] {
  return filesBelow(directory)
    .filter((path) => path.endsWith('.json'))
    .flatMap((path) => {
      try {
        const schema = schemas[basename(path)]
        if (schema) readRecord(path, schema)
        else JSON.parse(readFileSync(path, 'utf8'))
        return []
      } catch (error) {
        if (error instanceof Failure || error instanceof SyntaxError) return [`${path}: ${reasonOf(error)}`]
        throw error
      }
    })
}

function filesBelow(directory: string): string[] {
  if (!lookAt(directory)?.isDirectory()) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !isTemporaryName(name) && name !== 'worktrees' && name !== 'git')
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? filesBelow(path) : [path]
    })
}

/** What is wrong with the answer of a verb that met an error: a code of the list and no stack is right. */
export function wrongAnswer(ran: Traced): string[] {
  const wrong: string[] = []
  if (/^\s+at .+:\d+:\d+\)?$/m.test(ran.stderr)) wrong.push(`a stack trace: ${ran.stderr.slice(0, 600)}`)
  if (ran.exitCode === 0) return wrong
  const answer = parsed(ran.stdout)
  if (answer?.ok !== false)
    wrong.push(`exit ${ran.exitCode} and no failure in JSON: ${ran.stdout.slice(0, 200)}`)
  else if (!(answer.error.code in codes)) wrong.push(`the code ${answer.error.code}: ${answer.error.message}`)
  return wrong
}

/** Did it say that it is done? Also one that was killed right after saying so. */
export function saidDone(ran: Traced): boolean {
  return ran.exitCode === 0 || parsed(ran.stdout)?.ok === true
}

// biome-ignore lint/suspicious/noExplicitAny: tests reach into answers freely
function parsed(stdout: string): any {
  try {
    return JSON.parse(stdout)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
