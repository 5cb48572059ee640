/**
 * Does a worker stand still? Only when every witness is silent: its events, its worktree, the CPU time of what it
 * started. It never does while it waits for something that has a limit of its own: the build lock, the model, what
 * it said it waits for. A worker that stands still is told so first; another attempt begins when that changes
 * nothing. Pure.
 */
import { duration, oneLine } from '../kit/text.ts'
import type { Activity, Status } from '../state/schema/status.ts'
import type { Vitals } from '../state/schema/supervision.ts'
import type { Say } from './texts.ts'

/** What a look found. */
export interface Signs {
  readonly kind: Activity['kind']
  readonly what: string | null
  /** When its last event came; ms, as all times here. */
  readonly heard: number
  /** Milliseconds used by what it started; null when its processes cannot be seen. */
  readonly cpu: number | null
  /** It was stopped by a signal, so it does not think either. */
  readonly stopped: boolean
  /** A command of it waits for the build lock. */
  readonly inLine: boolean
  /** Until when it waits for something, as it said. */
  readonly waitsUntil: number | null
}

export interface StallSettings {
  readonly minutes: number
  readonly grace_minutes: number
}

/**
 * CPU time that is no work: a watcher that polls uses some, too. Milliseconds, and a share of the time since. It comes
 * from two clocks, one of which goes in hundredths of a second, so what does nothing seems to go back and forth a little.
 */
const leastCpu = 50
const leastShare = 0.01

/** Where nothing was known before, a worker that is seen for the first time has just moved. */
export function firstVitals(started: string, { cpu }: Pick<Signs, 'cpu'>, now: number): Vitals {
  return {
    version: 1,
    at: iso(now),
    cpu_ms: cpu ?? 0,
    cpu_moved: iso(now),
    files_changed: started,
    excused: null,
    nudged: null,
    waits_until: null,
    drift_looked: null,
  }
}

/** @param files the newest change in its worktree; null when that was not looked for */
export function nextVitals(before: Vitals, signs: Signs, files: number | null, now: number): Vitals {
  const moved = movesCpu(before, signs, now)
  const next: Vitals = {
    ...before,
    at: iso(now),
    ...(moved ? { cpu_moved: iso(now) } : {}),
    cpu_ms: moved ? (signs.cpu ?? 0) : Math.min(before.cpu_ms, signs.cpu ?? before.cpu_ms),
    ...(files !== null && files > ms(before.files_changed) ? { files_changed: iso(files) } : {}),
    excused: excuseOf(signs, now) === null ? before.excused : iso(now),
    waits_until: signs.waitsUntil === null ? null : iso(signs.waitsUntil),
  }
  // Whatever it does now, it does not stand where it stood.
  const goesOn = next.nudged !== null && silentSince(next, signs) > ms(next.nudged)
  return goesOn ? { ...next, nudged: null } : next
}

/** What has ended takes its time along, which is a sign of life, too. */
function movesCpu(before: Vitals, { cpu }: Signs, now: number): boolean {
  if (cpu === null) return false
  const more = cpu - before.cpu_ms
  return more <= -leastCpu || more >= Math.max(leastCpu, leastShare * (now - ms(before.cpu_moved)))
}

/** Why its silence is none; null when it is. */
export function excuseOf(signs: Signs, now: number): string | null {
  if (signs.inLine || signs.kind === 'build-lock') return 'it waits for the build lock'
  if (signs.waitsUntil !== null && signs.waitsUntil > now) return 'it said that it waits'
  if (signs.kind === 'checking' || signs.kind === 'landing') return 'its work is being proved'
  if (signs.cpu === null) return 'its processes cannot be seen'
  const thinks = signs.kind === 'thinking' || signs.kind === 'reconnecting'
  if (thinks && !signs.stopped) return 'the model thinks'
  return null
}

/** Since when no witness has said anything. */
export function silentSince(vitals: Vitals, signs: Pick<Signs, 'heard'>): number {
  const { cpu_moved, files_changed, excused, waits_until } = vitals
  return Math.max(
    signs.heard,
    ...[cpu_moved, files_changed, excused, waits_until].map((time) => ms(time ?? never)),
  )
}

export type Verdict = 'moves' | 'nudge' | 'nudged' | 'restart'

export function judge(vitals: Vitals, signs: Signs, settings: StallSettings, now: number): Verdict {
  if (settings.minutes === 0 || excuseOf(signs, now) !== null) return 'moves'
  if (now - silentSince(vitals, signs) < settings.minutes * 60_000) return 'moves'
  if (vitals.nudged === null) return 'nudge'
  return now - ms(vitals.nudged) < settings.grace_minutes * 60_000 ? 'nudged' : 'restart'
}

/** "no event for 12 min, no file change, no CPU, in `sleep 9999`" */
export function standstill(
  vitals: Vitals,
  signs: Pick<Signs, 'kind' | 'what' | 'heard'>,
  now: number,
): string {
  const silent = duration(now - Math.max(silentSince(vitals, signs), 0))
  return `no event, no file change, no CPU for ${silent}, ${whereOf(signs)}`
}

/** For `status`: a worker that was told so and has not been heard since; null otherwise. */
export function stallSeen({ activity }: Status, vitals: Vitals | null, now: number): string | null {
  if (!activity || !vitals?.nudged || ms(activity.last_event) > ms(vitals.nudged)) return null
  return standstill(vitals, { ...activity, heard: ms(activity.last_event) }, now)
}

function whereOf({ kind, what }: Pick<Signs, 'kind' | 'what'>): string {
  if (kind === 'tool' && what !== null) return `in \`${oneLine(what, 120)}\``
  return `${kind === 'ended' ? 'after its last words' : `while ${kind}`}`
}

/** The same for the same standstill: told once, however often we are killed. */
export const standstillId = (vitals: Vitals, signs: Signs): string =>
  Math.floor(silentSince(vitals, signs) / 1000).toString(36)

/** What the worker is told. */
export function nudgeText(
  vitals: Vitals,
  signs: Signs,
  settings: StallSettings,
  now: number,
  say: Say,
): string {
  const grace = duration(settings.grace_minutes * 60_000)
  return say('stalled', { standstill: standstill(vitals, signs, now), grace })
}

/** What the next attempt is told. */
export function restartText(vitals: Vitals, signs: Signs, now: number): string {
  const advice = signs.kind === 'tool' ? '. Run it with a time limit, or go about it another way' : ''
  return `It stood still: ${standstill(vitals, signs, now)}${advice}`
}

const never = iso(0)
const ms = (time: string): number => Date.parse(time)

function iso(time: number): string {
  return new Date(time).toISOString()
}
