/**
 * A kill storm: callers spawn small tasks, send them messages, and supervisors look, wait and land, all at
 * once, while any process of theirs is killed with SIGKILL at any moment. Then the world is left in peace,
 * and one `wait` must bring everything to its end; the files are held against what was acknowledged.
 */
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { complaints } from './clean.ts'
import { type Play, type Row, randomness, type Scenario } from './scenario.ts'
import { judge, type Verdict } from './storm/judge.ts'
import { type Killer, kill, processes } from './storm/killer.ts'
import { type Ledger, listed, newLedger } from './storm/ledger.ts'
import { type Peace, peace } from './storm/peace.ts'
import { employ } from './storm/worker.ts'
import { people } from './storm/world.ts'

export const scenario: Scenario = {
  name: 'storm',
  unit: 'kills',
  short: 40,
  long: 1000,
  impossible: () => (process.platform === 'linux' ? null : 'it finds its victims in /proc'),
  play,
}

async function play({ rounds, seed, say }: Play): Promise<readonly Row[]> {
  const box = await makeSandbox({
    config: {
      max_workers: 4,
      stop_grace_seconds: 1,
      build: { scope: 'repository' },
      supervise: { every_seconds: 1 },
    },
  })
  try {
    const random = randomness(seed)
    const start = await box.git('rev-parse', 'main')
    const ledger = newLedger()
    employ(box, ledger, 0.1)
    const world = people(box, ledger, random, 3)
    const killer = await kill(box, random, rounds)
    say(`killed ${listed(killer.kills)}`)
    await world.quiet()
    say(`answers: ${listed(ledger.answers)}`)
    const calm = await peace(box, ledger)
    const verdict = await judge(box, ledger, start)
    const left = [...verdict.left, ...(await processesLeft(box)), ...(await complaints(box))]
    return rowsOf({ rounds, killer, ledger, calm, verdict, left, say })
  } finally {
    await box.close()
  }
}

/** Runners that are just leaving are given a moment. */
async function processesLeft(box: Sandbox): Promise<string[]> {
  let left = processes(box)
  await until(
    'the last process',
    () => {
      left = processes(box)
      return left.length === 0
    },
    5000,
  ).catch(() => null)
  return left.map(({ pid, kind, task }) => `process ${pid}, ${kind} of ${task}`)
}

function rowsOf(end: {
  readonly rounds: number
  readonly killer: Killer
  readonly ledger: Ledger
  readonly calm: Peace
  readonly verdict: Verdict
  readonly left: readonly string[]
  readonly say: (line: string) => void
}): Row[] {
  const { killer, ledger, calm, verdict, say } = end
  const kills = [...killer.kills.values()].reduce((sum, n) => sum + n, 0)
  const doubles = [...new Set([...killer.doubles, ...verdict.doubles])]
  const none = (what: string, of: string, found: readonly string[]): Row => {
    for (const one of found.slice(0, 50)) say(`${what}: ${one}`)
    return { what, figure: `${found.length}${of}`, goal: '0', met: found.length === 0 }
  }
  const { spawned, sent, prompted } = ledger
  const again = [...prompted.values()].filter((times) => times > 1).length
  return [
    {
      what: 'random SIGKILLs over tasks, messages, attempts and landings',
      figure: `${kills} (${listed(killer.kills)})`,
      goal: `${end.rounds}`,
      met: kills >= end.rounds,
    },
    none(
      'storm: acknowledged and lost',
      ` of ${spawned.size} tasks, ${sent.size} messages, ${verdict.drafts} uncommitted files`,
      verdict.lost,
    ),
    none('storm: effects taken twice', ` (${again} messages were in more than one prompt)`, verdict.twice),
    none('storm: unreadable files, answers that are none', '', [...verdict.unreadable, ...ledger.odd]),
    none('two live workers for one task', ` in ${kills} kills, ${killer.samples} looks`, doubles),
    none(
      'storm: tasks that needed a person',
      ` of ${verdict.ended.size} (${calm.gaveUp.length} lost five times in a row, respawned)`,
      calm.stuck,
    ),
    none('storm: left lying about', '', end.left),
  ]
}
