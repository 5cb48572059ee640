/**
 * Who is told of what needs somebody, and when: first the orchestrator, by a command that wakes it when no `wait`
 * listens; then a person, when nobody has taken care of it for a while. Each trouble once. Pure.
 */
import { bounded, duration, oneLine, plural } from '../kit/text.ts'
import type { State, Status } from '../state/schema/status.ts'
import type { Channel, Escalation, Escalations } from '../state/schema/supervision.ts'
import { nextFor } from './attention.ts'

/** Something that needs somebody. */
export interface Trouble {
  readonly id: string
  readonly title: string
  /** `broken`: its files cannot be read. */
  readonly state: State | 'broken'
  readonly reason: string
  /** When the state began; null when that is not when it began to need somebody. */
  readonly since: string | null
  readonly next: readonly string[]
}

/** Null for what somebody has put to rest: they know. */
export function troubleOf(status: Status, reason: string): Trouble | null {
  const { id, title, state, since } = status
  if (state === 'waiting' && status.question === null) return null
  const text = oneLine(reason, 500)
  return { id, title, state, reason: text, since: state === 'queued' ? null : since, next: nextFor(status) }
}

type Entries = Escalations['tasks']

/** What is no trouble any more is forgotten; what is another one than before is new. */
export function renewed(known: Entries, troubles: readonly Trouble[], now: Date): Entries {
  return Object.fromEntries(
    troubles.map((trouble) => {
      const key = `${trouble.state} ${trouble.since ?? ''} ${trouble.reason.slice(0, 200)}`
      const before = known[trouble.id]
      return [trouble.id, before?.key === key ? before : fresh(key, trouble.since ?? now.toISOString())]
    }),
  )
}

function fresh(key: string, since: string): Escalation {
  return { key, since, woken: null, told: {}, failed: 0, retry_at: null, problem: null }
}

/** Milliseconds that a trouble whose beginning nobody wrote down is known later to us than to a `wait`. */
const knownLater = 3000

/** A `wait` that listened when the trouble came has told of it. */
export function heardBy(entries: Entries, troubles: readonly Trouble[], listenedUntil: Date | null): Entries {
  const until = listenedUntil?.getTime() ?? 0
  return mapped(entries, (entry, id) => {
    const exact = troubles.find((trouble) => trouble.id === id)?.since != null
    const began = Date.parse(entry.since) - (exact ? 0 : knownLater)
    return entry.woken === null && until >= began ? { ...entry, woken: iso(until) } : entry
  })
}

export const unheard = (entries: Entries): string[] => idsOf(entries, (entry) => entry.woken === null)

/** Tries to tell a person by one way and the other before it is given up. */
export const mostTries = 12
const firstPause = 5000
const longestPause = 15 * 60_000

export interface Ways {
  readonly channels: readonly Channel[]
  readonly after_minutes: number
}

/** Channel → the ids of what a person is to be told by it now. */
export function dueFor(entries: Entries, ways: Ways, now: Date): ReadonlyMap<Channel, readonly string[]> {
  const due = (channel: Channel) =>
    idsOf(entries, (entry) => isOpen(entry, channel) && dueAt(entry, ways) <= now.getTime())
  return new Map(ways.channels.map((channel) => [channel, due(channel)]))
}

/** When the next person is to be told; null when nobody is. */
export function nextTold(entries: Entries, ways: Ways): Date | null {
  const open = Object.values(entries).filter((entry) => ways.channels.some((way) => isOpen(entry, way)))
  return open.length === 0 ? null : new Date(Math.min(...open.map((entry) => dueAt(entry, ways))))
}

const isOpen = (entry: Escalation, channel: Channel): boolean =>
  entry.told[channel] === undefined && entry.failed < mostTries

function dueAt({ since, retry_at }: Escalation, { after_minutes }: Ways): number {
  return Math.max(Date.parse(since) + after_minutes * 60_000, Date.parse(retry_at ?? since))
}

/** @param problem what went wrong; null when it worked */
export function afterTelling(
  entries: Entries,
  ids: readonly string[],
  channel: Channel,
  problem: string | null,
  now: Date,
): Entries {
  return mapped(entries, (entry, id) => {
    if (!ids.includes(id)) return entry
    if (problem === null) return { ...entry, told: { ...entry.told, [channel]: now.toISOString() } }
    const pause = Math.min(longestPause, firstPause * 2 ** entry.failed)
    return { ...entry, failed: entry.failed + 1, retry_at: iso(now.getTime() + pause), problem }
  })
}

/** Of the orchestrator. */
export function woken(entries: Entries, ids: readonly string[], now: Date): Entries {
  return mapped(entries, (entry, id) => (ids.includes(id) ? { ...entry, woken: now.toISOString() } : entry))
}

export function wakeFailed(entries: Entries, problem: string): Entries {
  return mapped(entries, (entry) => (entry.woken === null ? entry : { ...entry, problem }))
}

/** The news as text, for a person or an orchestrator; what workers wrote is in one line each. */
export function newsText(
  repository: string,
  troubles: readonly Trouble[],
  entries: Entries,
  now: Date,
): string {
  const title = newsTitle(repository, troubles)
  const lines = troubles.flatMap(({ id, state, reason, next }) => {
    const since = duration(now.getTime() - Date.parse(entries[id]?.since ?? now.toISOString()))
    return [`${id}: ${state} for ${since}: ${reason}`, ...next.slice(0, 1).map((command) => `  ${command}`)]
  })
  return `${[title, '', ...bounded(lines)].join('\n')}\n`
}

export const newsTitle = (repository: string, troubles: readonly Trouble[]): string =>
  `${plural(troubles.length, 'task')} of ${repository} need${troubles.length === 1 ? 's' : ''} you`

function mapped(entries: Entries, change: (entry: Escalation, id: string) => Escalation): Entries {
  return Object.fromEntries(Object.entries(entries).map(([id, entry]) => [id, change(entry, id)]))
}

function idsOf(entries: Entries, wanted: (entry: Escalation) => boolean): string[] {
  return Object.entries(entries)
    .filter(([, entry]) => wanted(entry))
    .map(([id]) => id)
}

const iso = (time: number): string => new Date(time).toISOString()
