/**
 * Where a conversation stands in its script. Decided from the request alone, so parallel workers, resent
 * requests and resumed threads need no memory here; only troubles that happen N times are counted elsewhere.
 */

import type { Entry, Unfinished } from './conversation.ts'
import type { Step } from './scenario.ts'

export interface Position {
  /** The first step that has not been played. */
  readonly at: number
  /** A command that has to be asked for again before the script goes on. */
  readonly unfinished?: Unfinished
}

/** `entries` are those after the prompt that the script began with. */
export function findPosition(steps: readonly Step[], entries: readonly Entry[]): Position {
  return entries.reduce<Position>(
    (position, entry, index) => advance(steps, position, entry, entries[index - 1]),
    { at: 0 },
  )
}

/**
 * Each call with an output is a step done. A user message after an answer takes the list beyond the message
 * that ended the turn.
 */
function advance(
  steps: readonly Step[],
  { at, unfinished }: Position,
  entry: Entry,
  before?: Entry,
): Position {
  if (entry.kind === 'told') return unfinished ? { at, unfinished } : { at }
  if (entry.kind === 'said') return unfinished ? { at, unfinished } : { at }
  if (entry.kind === 'summary') return readSummary(entry.text) ?? { at }
  if (entry.kind !== 'output') return { at: before?.kind === 'said' ? afterEnd(steps, at) : at }
  const done = entry.poll ? at : nextCall(steps, at) + 1
  const call = steps[done - 1]
  const patient = call && 'run' in call && call.pollUntilDone !== false
  return patient && entry.unfinished ? { at: done, unfinished: entry.unfinished } : { at: done }
}

export const isCall = (step: Step): boolean => 'run' in step || 'patch' in step

/** What the model says of the conversation when codex is about to throw it away: where the script stands. */
export function summaryOf(position: Position): string {
  return `script position: ${JSON.stringify(position)}`
}

function readSummary(text: string): Position | undefined {
  const found = /script position: (\{.*\})/.exec(text)?.[1]
  return found ? (JSON.parse(found) as Position) : undefined
}

function nextCall(steps: readonly Step[], from: number): number {
  const found = steps.findIndex((step, index) => index >= from && isCall(step))
  return found < 0 ? steps.length - 1 : found
}

function afterEnd(steps: readonly Step[], from: number): number {
  const end = steps.findIndex((step, index) => index >= from && 'say' in step && step.end === true)
  return end >= 0 && !steps.slice(from, end).some(isCall) ? end + 1 : from
}
