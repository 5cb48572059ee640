/** Why a worker ended without finishing its turn, in words that all kinds share. */
import { oneLine } from '../../kit/text.ts'
import type { Cause, FailureClass } from './event.ts'
import type { Track } from './track.ts'

export type { Cause, FailureClass } from './event.ts'

export interface WorkerFailure extends Cause {
  message: string
}

export interface Ending {
  track: Track
  exitCode: number | null
  signal: string | null
  stderrTail: string
  now: Date
}

export function failure(
  kind: FailureClass,
  message: string,
  retryable: boolean,
  at: Date | null = null,
): WorkerFailure {
  return { class: kind, message, retryable, retry_at: timeOf(at) }
}

/** Where the names stand that a provider may not know, for a refusal that is about one. @param whole all that it said */
export function withPlace(kind: FailureClass, message: string, whole = message): string {
  if (kind !== 'bad-request' || !/\b(model|effort)\b/i.test(whole)) return message
  return `${message.replace(/\.?$/, '')} (model and effort: in the spec, or in .orchestrator-state/config.yaml)`
}

/** As records have it. Any number may stand in what a provider says: a time that no record can have is none. */
export function timeOf(at: Date | null): string | null {
  const time = at?.getTime() ?? -1
  return at !== null && time >= 0 && time < year10000 ? at.toISOString() : null
}

const year10000 = Date.UTC(10_000, 0)

/** The failure that a signal amounts to, sent to the program itself or to a shell between us and it; null without one. */
export function bySignal({ track, signal }: Ending): WorkerFailure | null {
  if (signal === null) return null
  return failure(crashes.has(signal) ? 'crash' : 'killed', `ended by ${signal}${doing(track)}`, true)
}

/** A shell between us and the program turns a signal into a number; 255 is what programs call -1. */
export function byNumber({ track, exitCode }: Ending): WorkerFailure | null {
  if (exitCode === null || exitCode <= 128 || exitCode > 128 + lastSignal) return null
  return failure('killed', `ended by signal ${exitCode - 128}${doing(track)}`, true)
}

const lastSignal = 64

const crashes = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS'])

/** What it was about, in brackets. */
export function doing({ activity }: Track): string {
  return activity.what === null ? '' : ` (${activity.kind}: ${oneLine(activity.what, 200)})`
}
