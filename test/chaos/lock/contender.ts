/**
 * A process that takes the lock again and again until it is told to stop, and writes down when it was in. The
 * clock is the kernel's monotonic one, the same for all processes.
 */
import { appendFileSync, existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { lock as takeLockfile } from 'proper-lockfile'
import { takePlace } from '../../../lib/kit/queue.ts'
import { type Contender, now, staleAfter } from './terms.ts'

const me: Contender = JSON.parse(process.argv[2] ?? '')
await contend(me)

async function contend(me: Contender): Promise<void> {
  if (me.skew !== 0) shiftClock(me.skew)
  const stop = join(me.directory, 'stop')
  const write = (what: string, ...values: number[]) =>
    appendFileSync(join(me.directory, 'log'), `${[what, me.name, process.pid, ...values].join(' ')}\n`)
  writeFileSync(join(me.directory, `ready-${me.name}`), '')
  while (!existsSync(join(me.directory, 'go'))) await delay(5)
  while (!existsSync(stop)) {
    const asked = now()
    const { leave, number } = await enter(me)
    const entered = now()
    write('in', entered, entered - asked, number)
    await delay(me.hold)
    write('out', now())
    await leave()
  }
}

async function enter(me: Contender): Promise<{ leave: () => Promise<void>; number: number }> {
  if (me.way === 'tickets') {
    const place = await takePlace(join(me.directory, 'queue'), {
      places: me.places,
      note: me.name,
      wait: Infinity,
    })
    if (!place) throw new Error('no place, and waited for ever')
    if (me.skew !== 0) utimesSync(place.ticket.path, Date.now() / 1000, Date.now() / 1000)
    return { leave: place.leave, number: place.ticket.number }
  }
  const retries =
    me.way === 'polling'
      ? { forever: true, minTimeout: 100, maxTimeout: 100, factor: 1 }
      : { forever: true, minTimeout: 1, maxTimeout: 10_000, factor: 2 }
  const leave = await takeLockfile(join(me.directory, 'file'), {
    realpath: false,
    stale: staleAfter,
    retries,
    // It believes to have it and has not; what it does meanwhile is what is measured.
    onCompromised: () => undefined,
  })
  return { leave, number: 0 }
}

function shiftClock(by: number): void {
  const real = Date.now
  Date.now = () => real() + by
}
