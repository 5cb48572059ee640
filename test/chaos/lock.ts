/**
 * The build lock against its baseline: throughput and fairness of sixteen processes, hand-over when the holder
 * is killed, and whether two are ever in at once: under kills, stopped holders and clocks that are hours off.
 * The baseline is proper-lockfile in the same run.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Arena, openArena, outOfTurn, overlaps, type Stay } from './lock/arena.ts'
import { now, staleAfter, type Way } from './lock/terms.ts'
import { fairness, type Play, percentile, pick, type Row, randomness, type Scenario } from './scenario.ts'

/** From so many rounds on, the long form: it has the machine to itself. */
const quiet = 50

const crowd = Array.from({ length: 16 }, (_, n) => `c${n}`)

export const scenario: Scenario = {
  name: 'lock',
  unit: 'kills of holders',
  short: 12,
  long: 200,
  async play(play) {
    const turns = play.rounds >= quiet ? 1600 : 160
    return [
      ...(await table(5, turns, play)),
      ...(await table(50, turns / 2, play)),
      ...(await slots(play)),
      ...(await handOver(play)),
      ...(await stopped(play)),
      ...(await clocks(play)),
    ]
  },
}

interface Contest {
  readonly perSecond: number
  readonly jain: number
  readonly longest: number
  /** The longest wait, in turns of the round that a fair line would have been. */
  readonly overIdeal: number
  readonly overlaps: number
  readonly outOfTurn: number
}

async function table(hold: number, turns: number, { say, rounds }: Play): Promise<Row[]> {
  const ours = await contest('tickets', hold, turns)
  const theirs = new Map<Way, Contest>()
  const others: readonly Way[] = rounds >= quiet ? ['polling', 'back-off'] : hold < 50 ? ['polling'] : []
  for (const way of others) theirs.set(way, await contest(way, hold, turns))
  const beside = (show: (it: Contest) => string) =>
    [...theirs].map(([way, it]) => `${show(it)} ${way}`).join(', ')
  const speed = ({ jain, perSecond }: Contest) => `${jain.toFixed(3)} (${perSecond.toFixed(0)} turns/s)`
  say(`${hold} ms: ${speed(ours)} tickets, ${beside(speed)}`)
  const what = `16 processes, ${hold} ms holds`
  const rows: Row[] = [
    {
      what: `${what}: Jain's fairness`,
      figure: speed(ours),
      baseline: beside(speed),
      goal: '≥ 0.98',
      met: ours.jain >= 0.98,
    },
    {
      what: `${what}: two at once, out of turn`,
      figure: `${ours.overlaps}, ${ours.outOfTurn}`,
      baseline: beside((it) => `${it.overlaps} at once`),
      goal: '0, 0',
      met: ours.overlaps === 0 && ours.outOfTurn === 0,
    },
  ]
  // A time, and so for a machine that has nothing else to do.
  if (rounds >= quiet)
    rows.push({
      what: `${what}: longest wait ÷ ideal`,
      figure: `${ours.overIdeal.toFixed(2)} (${ours.longest.toFixed(0)} ms)`,
      baseline: beside((it) => it.overIdeal.toFixed(2)),
      goal: '≤ 1.5',
      met: ours.overIdeal <= 1.5,
    })
  return rows
}

/** Shares are compared in turns, so speed does not matter. */
async function contest(way: Way, hold: number, turns: number): Promise<Contest> {
  const arena = await filled(way, hold)
  arena.go()
  const from = now()
  await taken(arena, turns)
  const to = now()
  const stays = await arena.end()
  // Those still waiting when the others are told to stop are served too; their waits count.
  const counted = stays.filter((stay) => stay.from < to)
  const rate = counted.length / (to - from)
  const longest = Math.max(...stays.map((stay) => stay.waited))
  return {
    perSecond: rate * 1000,
    jain: fairness(crowd.map((name) => counted.filter((stay) => stay.name === name).length)),
    longest,
    overIdeal: longest * (rate / crowd.length),
    overlaps: overlaps(stays),
    outOfTurn: outOfTurn(stays),
  }
}

/** Until so many turns were taken, or a minute is over. */
async function taken(arena: Arena, turns: number): Promise<void> {
  const giveUp = now() + 60_000
  while (now() < giveUp && arena.stays().length < turns) await delay(50)
}

/** With three places there are never four in, and the places are used. */
async function slots({ say }: Play): Promise<Row[]> {
  const arena = await filled('tickets', 20, 3)
  arena.go()
  await delay(1500)
  // A machine that is busy with other things lets three meet later.
  for (const giveUp = now() + 30_000; mostAtOnce(arena.stays()) < 3 && now() < giveUp; ) await delay(100)
  const stays = await arena.end()
  const most = mostAtOnce(stays)
  say(`three places: ${stays.length} turns, at most ${most} at once`)
  return [{ what: 'three places: most at once', figure: String(most), goal: '3', met: most === 3 }]
}

const mostAtOnce = (stays: readonly Stay[]): number =>
  Math.max(0, ...stays.map((stay) => stays.filter((it) => it.from <= stay.from && it.to > stay.from).length))

async function handOver({ rounds, seed, say }: Play): Promise<Row[]> {
  const ours = await kills('tickets', rounds, seed)
  const theirs = rounds >= quiet ? await kills('polling', 3, seed) : null
  say(
    `hand-over after SIGKILL: ${ours.times.length} measured; median ${percentile(ours.times, 0.5).toFixed(1)} ms`,
  )
  // Of few kills, on a machine that does other things as well, the slowest says something about the machine.
  const share = rounds >= quiet ? 0.99 : 0.5
  const time = percentile(ours.times, share)
  return [
    {
      what: `hand-over after SIGKILL, p${100 * share}`,
      figure: `${time.toFixed(0)} ms (${ours.times.length} kills)`,
      ...(theirs && {
        baseline: `${percentile(theirs.times, 0.5).toFixed(0)} ms polling, stale after ${staleAfter} ms`,
      }),
      goal: '≤ 100 ms',
      met: time <= 100,
    },
    {
      what: 'two at once under SIGKILL',
      figure: `${ours.overlaps} of ${ours.turns} turns`,
      ...(theirs && { baseline: `${theirs.overlaps} of ${theirs.turns} polling` }),
      goal: '0',
      met: ours.overlaps === 0,
    },
  ]
}

async function kills(way: Way, count: number, seed: number) {
  const random = randomness(seed)
  const arena = await filled(way, 30, 1, crowd.slice(0, 6))
  arena.go()
  const times: number[] = []
  for (let n = 0; times.length < count; n++) {
    await arena.start(`r${n}`)
    await delay(40 * random())
    const victim = await holder(arena)
    const at = arena.kill(victim)
    const next = await nextAfter(arena, at)
    // It may have left in the instant before it was killed: then it handed over by itself.
    if (arena.stays().find((stay) => stay.pid === victim.pid && stay.to === at)) times.push(next.from - at)
  }
  const stays = await arena.end()
  return { times, overlaps: overlaps(stays), turns: stays.length }
}

/** A holder that does not run for longer than anybody's patience still has it. */
async function stopped({ rounds, seed, say }: Play): Promise<Row[]> {
  const count = rounds >= quiet ? 3 : 1
  const ours = await pauses('tickets', count, seed)
  const theirs = rounds >= quiet ? await pauses('polling', count, seed) : null
  say(`holders stopped for ${staleAfter + 1500} ms: ${ours} of ${count} lost the lock`)
  return [
    {
      what: 'two at once when the holder is stopped (SIGSTOP)',
      figure: `${ours} of ${count}`,
      ...(theirs !== null && { baseline: `${theirs} of ${count} polling` }),
      goal: '0',
      met: ours === 0,
    },
  ]
}

async function pauses(way: Way, count: number, seed: number): Promise<number> {
  const random = randomness(seed)
  const arena = await filled(way, 200, 1, crowd.slice(0, 3))
  arena.go()
  let entered = 0
  for (let n = 0; n < count; n++) {
    await delay(100 * random())
    const victim = await holder(arena)
    process.kill(victim.pid, 'SIGSTOP')
    const at = now()
    await delay(staleAfter + 1500)
    // It may have left in the instant before it stopped; then the next one has it, and that is right.
    const left =
      arena.stays().find((stay) => stay.pid === victim.pid && stay.from === victim.from)?.to !== Infinity
    const others = arena.stays().filter((stay) => stay.pid !== victim.pid && stay.from > at)
    if (others.length > 0 && !left) entered += 1
    process.kill(victim.pid, 'SIGCONT')
  }
  await arena.end()
  return entered
}

/** Some believe that it is an hour later or earlier, and date what they lock accordingly. */
async function clocks({ seed }: Play): Promise<Row[]> {
  const random = randomness(seed)
  const arena = await openArena('tickets', 10)
  const skews = [0, 3_600_000, -3_600_000, 86_400_000]
  await Promise.all(crowd.slice(0, 8).map((name) => arena.start(name, pick(random, skews))))
  arena.go()
  await taken(arena, 160)
  const stays = await arena.end()
  const turns = crowd.slice(0, 8).map((name) => stays.filter((stay) => stay.name === name).length)
  const jain = fairness(turns)
  return [
    {
      what: 'two at once with clocks that are hours off',
      figure: `${overlaps(stays)} of ${stays.length} turns, Jain ${jain.toFixed(3)}`,
      goal: '0, ≥ 0.98',
      met: overlaps(stays) === 0 && stays.length > 20 && jain >= 0.98,
    },
  ]
}

async function filled(way: Way, hold: number, places = 1, names: readonly string[] = crowd): Promise<Arena> {
  const arena = await openArena(way, hold, places)
  await Promise.all(names.map((name) => arena.start(name)))
  return arena
}

async function holder(arena: Arena): Promise<Stay> {
  for (;;) {
    const stay = arena.inside()
    if (stay) return stay
    await delay(1)
  }
}

async function nextAfter(arena: Arena, at: number): Promise<Stay> {
  const giveUp = now() + 30_000
  while (now() < giveUp) {
    const next = arena.stays().find((stay) => stay.from > at)
    if (next) return next
    await delay(2)
  }
  throw new Error('nobody got the lock after its holder had been killed')
}
