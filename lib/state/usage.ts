/**
 * `usage/<day>.jsonl`: what each attempt used on a day. Lines are appended and never changed; of several about one
 * attempt the last counts, so that saying it again changes nothing.
 */
import { appendLine } from '../kit/append.ts'
import { makeOwnDirectory } from '../kit/files.ts'
import { readTail } from '../kit/read.ts'
import type { StatePaths } from './paths.ts'
import { type UsageLine, usageLine } from './schema/supervision.ts'

export function appendUsage(paths: StatePaths, day: string, line: UsageLine): void {
  makeOwnDirectory(paths.usage)
  appendLine(paths.usageOf(day), JSON.stringify(line))
}

export const attemptKey = (task: string, attempt: number): string => `${task}#${attempt}`

/** A day has some hundred lines; more was not written by us. */
const longest = 4 * 1024 * 1024

/** Attempt (`attemptKey`) → its last line of that day; torn and foreign lines are skipped. */
export function usageOn(paths: StatePaths, day: string): ReadonlyMap<string, UsageLine> {
  const lines = readTail(paths.usageOf(day), longest).toString().split('\n')
  const known = new Map<string, UsageLine>()
  for (const line of lines) {
    const parsed = parse(line)
    if (parsed) known.set(attemptKey(parsed.task, parsed.attempt), parsed)
  }
  return known
}

function parse(line: string): UsageLine | undefined {
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined
  try {
    return usageLine.safeParse(JSON.parse(line)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
