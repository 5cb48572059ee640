import { describe, expect, it } from 'vitest'
import {
  excuseOf,
  firstVitals,
  judge,
  nextVitals,
  nudgeText,
  restartText,
  type Signs,
  silentSince,
  stallSeen,
  standstill,
  standstillId,
} from '../../lib/rules/stall.ts'
import type { Vitals } from '../../lib/state/schema/supervision.ts'
import { at, now, say, task } from './records.ts'

const time = now.getTime()
const ago = (minutes: number) => time - minutes * 60_000
const since = (minutes: number) => at(-minutes * 60)
const settings = { minutes: 10, grace_minutes: 5 }

/** Nothing for an hour. */
const silence: Signs = {
  kind: 'tool',
  what: 'sleep 9999',
  heard: ago(60),
  cpu: 100,
  stopped: false,
  inLine: false,
  waitsUntil: null,
}
const before: Vitals = {
  version: 1,
  at: since(0.2),
  cpu_ms: 100,
  cpu_moved: since(60),
  files_changed: since(60),
  excused: null,
  nudged: null,
  waits_until: null,
  drift_looked: null,
}
const verdict = (signs: Partial<Signs>, known: Partial<Vitals> = {}, files: number | null = null) => {
  const next = nextVitals({ ...before, ...known }, { ...silence, ...signs }, files, time)
  return judge(next, { ...silence, ...signs }, settings, time)
}

describe('a worker', () => {
  it.each<[string, Partial<Signs>, Partial<Vitals>, number | null]>([
    ['an event', { heard: ago(9) }, {}, null],
    ['a change in its worktree', {}, {}, ago(9)],
    ['one that was seen before', {}, { files_changed: since(9) }, null],
    ['CPU time', { cpu: 100 + 36_001 }, {}, null],
    ['CPU time some minutes ago', {}, { cpu_moved: since(9) }, null],
    ['the end of a command', { cpu: 40 }, {}, null],
    ['a wait for the model that has just ended', {}, { excused: since(9) }, null],
    ['a declared wait that has just ended', { waitsUntil: ago(9) }, {}, null],
  ])('does not stand still while one witness speaks for it: %s', (_, signs, known, files) => {
    expect(verdict(signs, known, files)).toBe('moves')
    expect(verdict(signs, { ...known, nudged: since(30) }, files)).toBe('moves')
  })

  it.each<[string, Partial<Signs>]>([
    ['it waits for the build lock', { inLine: true }],
    ['it waits for the build lock', { kind: 'build-lock' }],
    ['it said that it waits', { waitsUntil: time + 1 }],
    ['the model thinks', { kind: 'thinking', what: null }],
    ['the model thinks', { kind: 'reconnecting', what: 'Reconnecting... 1/5' }],
    ['its work is being proved', { kind: 'checking' }],
    ['its work is being proved', { kind: 'landing' }],
    ['its processes cannot be seen', { cpu: null }],
  ])('is excused however long it is silent: %s', (why, signs) => {
    expect(excuseOf({ ...silence, ...signs }, time)).toBe(why)
    expect([verdict(signs), verdict(signs, { nudged: since(30) })]).toEqual(['moves', 'moves'])
    // Its clock begins when that is over.
    const after = nextVitals(before, { ...silence, ...signs }, null, time)
    expect(silentSince(after, silence)).toBeGreaterThanOrEqual(time)
  })

  it.each<[string, Partial<Signs>]>([
    ['in a command', {}],
    ['as it starts', { kind: 'starting', what: null }],
    ['after its last words', { kind: 'ended', what: null }],
    ['stopped by a signal while its model is to answer', { kind: 'thinking', stopped: true }],
    ['stopped by a signal while it reconnects', { kind: 'reconnecting', stopped: true }],
    ['with the CPU time that a watcher uses', { cpu: 100 + 35_900 }],
    ['after a wait that it declared', { waitsUntil: ago(11) }],
  ])('stands still when all of them are silent for long enough: %s', (_, signs) => {
    expect(verdict(signs)).toBe('nudge')
    expect(verdict(signs, { nudged: since(4.9) })).toBe('nudged')
    expect(verdict(signs, { nudged: since(5.1) })).toBe('restart')
  })

  it('is looked at for as long as the settings say', () => {
    const known = { ...before, cpu_moved: since(10.1), files_changed: since(20) }
    const next = (minutes: number) => judge(known, silence, { ...settings, minutes }, time)
    expect([next(10), next(11), next(0)]).toEqual(['nudge', 'moves', 'moves'])
  })

  it('has moved when it is seen for the first time: nothing was known before', () => {
    const first = firstVitals(since(60), silence, time)
    expect(first).toMatchObject({ cpu_ms: 100, cpu_moved: at(0), files_changed: since(60), nudged: null })
    expect(judge(first, silence, settings, time)).toBe('moves')
    expect(judge(first, silence, settings, time + 11 * 60_000)).toBe('nudge')
  })
})

describe('what was seen', () => {
  it('is kept: the CPU time as it was when it moved, so that little by little counts', () => {
    const little = nextVitals(before, { ...silence, cpu: 120 }, null, time)
    expect(little).toMatchObject({ cpu_ms: 100, cpu_moved: since(60) })
    // As it is read it may go back a little, too, which is no end of a command.
    const less = nextVitals(before, { ...silence, cpu: 80 }, null, time)
    expect(less).toMatchObject({ cpu_ms: 80, cpu_moved: since(60) })
    const recent = { ...before, cpu_moved: at(-1) }
    expect(nextVitals(recent, { ...silence, cpu: 149 }, null, time).cpu_moved).toBe(at(-1))
    expect(nextVitals(recent, { ...silence, cpu: 150 }, null, time)).toMatchObject({
      cpu_ms: 150,
      cpu_moved: at(0),
    })
  })

  it('is forgotten of a nudge as soon as anything moves', () => {
    const nudged = { ...before, nudged: since(3) }
    expect(nextVitals(nudged, silence, null, time).nudged).toBe(since(3))
    expect(nextVitals(nudged, { ...silence, heard: ago(2) }, null, time).nudged).toBeNull()
    expect(nextVitals(nudged, silence, ago(1), time).nudged).toBeNull()
  })

  it('does not go back', () => {
    expect(nextVitals(before, silence, ago(90), time).files_changed).toBe(since(60))
  })
})

describe('what is said', () => {
  it('names the silence and where it is', () => {
    expect(standstill(before, silence, time)).toBe(
      'no event, no file change, no CPU for 60 min, in `sleep 9999`',
    )
    expect(standstill(before, { ...silence, kind: 'ended' }, time)).toMatch(/after its last words$/)
    expect(standstill(before, { ...silence, kind: 'thinking' }, time)).toMatch(/while thinking$/)
    expect(standstill(before, { ...silence, what: 'a\u001b[31m\nb' }, time)).toMatch(/in `a b`$/)
  })

  it('tells the worker what to do, and the next attempt what hung', () => {
    const text = nudgeText(before, silence, settings, time, say)
    expect(text).toMatch(/in `sleep 9999`/)
    expect(text).toMatch(/dirigent tell --waiting 20m/)
    expect(text).toMatch(/ended in 5 min/)
    expect(restartText(before, silence, time)).toMatch(/stood still.*`sleep 9999`.*time limit/)
  })

  it('has one id for each standstill', () => {
    const id = standstillId(before, silence)
    expect(id).toMatch(/^[0-9a-z]+$/)
    expect(standstillId({ ...before, at: at(0), nudged: at(0) }, silence)).toBe(id)
    expect(standstillId({ ...before, files_changed: since(20) }, silence)).not.toBe(id)
  })

  it('is seen in status until the worker is heard again', () => {
    const running = (heard: number) =>
      task({ activity: { kind: 'tool', what: 'sleep 9999', since: since(60), last_event: since(heard) } })
    const nudged = { ...before, nudged: since(2) }
    expect(stallSeen(running(60), nudged, time)).toMatch(/in `sleep 9999`$/)
    expect(stallSeen(running(1), nudged, time)).toBeNull()
    expect(stallSeen(running(60), before, time)).toBeNull()
    expect(stallSeen(running(60), null, time)).toBeNull()
  })
})
