/**
 * Finds the script in a prompt. The last marker wins: either a line `SCENARIO: name arg1 arg2`, or a block
 *
 *     ```script
 *     [{"run": "echo hi > a.txt"}, {"say": "done"}]
 *     ```
 *
 * which may also hold `{"attempts": [[…], […]]}`. A block that cannot be read becomes a message that says why,
 * so that the mistake shows where it was made.
 */

import { reasonOf } from '../../lib/kit/errors.ts'
import { type Attempts, type Step, say } from './scenario.ts'

export interface Marker {
  readonly name: string
  readonly args: readonly string[]
  /** Only for an inline script. */
  readonly script?: readonly Step[] | Attempts
}

const line = /^[ \t]*SCENARIO:[ \t]*(\S+)(.*)$/gm
const block = /^[ \t]*```script[ \t]*\r?\n([\s\S]*?)^[ \t]*```/gm
const attempt = /^\W*Attempt:\W*(\d+)/gim
const kinds = ['say', 'think', 'run', 'patch', 'status', 'fail', 'cut', 'hang', 'wait']

export function findMarker(prompt: string): Marker | undefined {
  const named = last(prompt, line)
  const inline = last(prompt, block)
  if (inline && inline.index > (named?.index ?? -1)) {
    return { name: 'inline', args: [], script: readScript(inline[1] ?? '') }
  }
  if (!named) return undefined
  return { name: named[1] ?? '', args: (named[2] ?? '').split(/\s+/).filter(Boolean) }
}

/** The highest N of the lines `Attempt: N`, since what a prompt quotes of its past has lower ones. */
export function findAttempt(prompt: string): number | undefined {
  const found = [...prompt.matchAll(attempt)].map((match) => Number(match[1]))
  return found.length > 0 ? Math.max(...found) : undefined
}

export function isAttempts(script: unknown): script is Attempts {
  return typeof script === 'object' && script !== null && 'attempts' in script
}

function last(text: string, pattern: RegExp): RegExpExecArray | undefined {
  return [...text.matchAll(pattern)].at(-1)
}

function readScript(text: string): readonly Step[] | Attempts {
  try {
    const script: unknown = JSON.parse(text)
    if (!isAttempts(script)) return readSteps(script)
    if (!Array.isArray(script.attempts) || script.attempts.length === 0) {
      throw new Error('"attempts" is not a list of lists')
    }
    return { attempts: script.attempts.map(readSteps) }
  } catch (error) {
    return [say(`the script in the prompt cannot be read: ${reasonOf(error)}`)]
  }
}

function readSteps(steps: unknown): readonly Step[] {
  if (!Array.isArray(steps)) throw new Error('it is not a list of steps')
  for (const step of steps) {
    const named = typeof step === 'object' && step !== null ? kinds.filter((kind) => kind in step) : []
    if (named.length !== 1) throw new Error(`this is not a step: ${JSON.stringify(step)}`)
  }
  return steps
}
