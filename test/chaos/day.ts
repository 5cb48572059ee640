/**
 * A day of unattended work: tasks of all kinds on four slots, with questions, workers and runners that are killed, a usage
 * limit, a worker that stands still, and everything killed at once in the middle. An orchestrator waits and answers;
 * the rest is the supervisor's. Everything real but the model.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, trailOf, workersOf } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import { type Orchestrated, orchestrate, spawnAll } from './day/orchestrator.ts'
import { employ, type Kind, kindsOf, ledger } from './day/tasks.ts'
import { type Play, pick, type Row, randomness, type Scenario } from './scenario.ts'

export const scenario: Scenario = { name: 'day', unit: 'tasks', short: 12, long: 60, play }

const config = {
  max_workers: 4,
  stop_grace_seconds: 1,
  build: { scope: 'repository' },
  supervise: { every_seconds: 0.5 },
  stall: { minutes: 0.1, grace_minutes: 0.05 },
}

async function play({ rounds, seed, say }: Play): Promise<readonly Row[]> {
  const box = await makeSandbox({ config })
  try {
    const kinds = kindsOf(rounds)
    employ(box)
    await spawnAll(box, kinds)
    const harm = new Harm(box, kinds, randomness(seed))
    const orchestrated = await orchestrate(box, kinds, () => harm.next())
    for (const line of orchestrated.odd) say(line)
    for (const id of kinds.keys()) await until(`${id} to be put away`, () => isPutAway(box, id))
    return await judge(box, kinds, orchestrated, harm, say)
  } finally {
    await box.close()
  }
}

/** Kills one thing between two looks of the orchestrator, and everything once when half of the tasks are merged. */
class Harm {
  readonly #box: Sandbox
  readonly #kinds: ReadonlyMap<string, Kind>
  readonly #random: () => number
  kills = 0
  restarts = 0

  constructor(box: Sandbox, kinds: ReadonlyMap<string, Kind>, random: () => number) {
    this.#box = box
    this.#kinds = kinds
    this.#random = random
  }

  async next(): Promise<void> {
    const states = [...this.#kinds.keys()].map((id) => this.#box.status(id).state)
    const merged = states.filter((state) => state === 'merged').length
    if (this.restarts === 0 && merged >= this.#kinds.size / 2) {
      this.restarts += 1
      await this.#box.killAll()
      return
    }
    if (this.kills >= this.#kinds.size / 2) return
    // The one that stands still is left to be found.
    const running = [...this.#kinds]
      .filter(([id, kind]) => kind !== 'stalls' && this.#box.status(id).state === 'running')
      .map(([id]) => id)
    if (running.length === 0) return
    const id = pick(this.#random, running)
    const victims = this.#random() < 0.5 ? runnersOf(this.#box, id) : workersOf(this.#box, id)
    if (victims.length === 0) return
    kill(pick(this.#random, victims))
    this.kills += 1
  }
}

const isPutAway = (box: Sandbox, id: string): boolean =>
  box.status(id).state === 'failed' || box.task(id).includes(`${join(box.state, 'archive')}/`)

async function judge(
  box: Sandbox,
  kinds: ReadonlyMap<string, Kind>,
  { questions, odd }: Orchestrated,
  harm: Harm,
  say: (line: string) => void,
): Promise<Row[]> {
  const ids = [...kinds.keys()]
  const of = (...wanted: Kind[]) => ids.filter((id) => wanted.includes(kinds.get(id) as Kind))
  const none = (what: string, of: string, found: readonly string[]): Row => {
    for (const one of found) say(`${what}: ${one}`)
    return { what, figure: `${found.length} of ${of}`, goal: '0', met: found.length === 0 }
  }
  const unfinished = ids.filter(
    (id) => box.status(id).state !== (kinds.get(id) === 'fails' ? 'failed' : 'merged'),
  )
  const unsaid = of('fails').filter((id) => !/all 2 attempts are spent/.test(String(box.status(id).reason)))
  const redone = of('parts').flatMap((id) => redoneIn(ledger(box, id)).map((line) => `${id}: ${line}`))
  const untold = of('parts').flatMap((id) => untoldIn(box, id).map((line) => `${id}: ${line}`))
  const asking = of('asks', 'defaults')
  const wrong = asking.filter((id) => !askedOnce(box, id, questions))
  const noticed = (type: string, id: string) => trailOf(box, id).some((event) => event.type === type)
  const begun = of('parts').map((id) => ledger(box, id).length)
  return [
    none('tasks that are not merged, or failed for another reason than their own', `${ids.length}`, [
      ...unfinished.map((id) => `${id} is ${box.status(id).state}: ${box.status(id).reason}`),
      ...unsaid,
      ...odd,
    ]),
    none(
      'parts done again although the checkpoint had them',
      `${begun.reduce((a, b) => a + b, 0)} lines`,
      redone,
    ),
    none('prompts that do not hold the last checkpoint', `${of('parts').length} long tasks`, untold),
    none('questions unanswered, or put twice', `${asking.length}`, wrong),
    none('limits, standstills and restarts that did not happen', '4', [
      ...(of('limited').some((id) => noticed('cool-down', id)) ? [] : ['no cool-down']),
      ...(of('stalls').some((id) => noticed('nudge', id)) ? [] : ['nobody was nudged']),
      ...(harm.restarts === 1 ? [] : ['not everything was killed']),
      ...(harm.kills > 0 ? [] : ['nothing was killed']),
    ]),
    none(
      'what doctor --strict finds afterwards',
      `${harm.kills} kills, ${harm.restarts} restart`,
      await complaints(box),
    ),
  ]
}

/** Lines of parts that were begun after they had been recorded. */
function redoneIn(lines: readonly string[]): string[] {
  return lines.filter((line, at) => {
    const [, what, part] = line.split(' ')
    return what === 'began' && lines.slice(0, at).some((before) => before.endsWith(` recorded ${part}`))
  })
}

/** Attempts whose prompt lacks a part that was recorded before they began. */
function untoldIn(box: Sandbox, id: string): string[] {
  const recorded = ledger(box, id).flatMap((line) => {
    const [attempt, what, part] = line.split(' ')
    return what === 'recorded' ? [{ attempt: Number(attempt), part }] : []
  })
  return promptsOf(box, id).flatMap(({ attempt, text }) =>
    recorded
      .filter((known) => known.attempt < attempt && !text.includes(`part ${known.part} of ${id} is recorded`))
      .map(({ part }) => `attempt ${attempt} is not told of part ${part}`),
  )
}

function promptsOf(box: Sandbox, id: string): { attempt: number; text: string }[] {
  const log = join(box.task(id), 'log')
  return readdirSync(log)
    .filter((name) => name.startsWith('attempt-') && readdirSync(join(log, name)).includes('prompt.md'))
    .map((name) => ({
      attempt: Number(name.slice('attempt-'.length)),
      text: readFileSync(join(log, name, 'prompt.md'), 'utf8'),
    }))
}

/** One file of a question, answered; put to the orchestrator once at most. */
function askedOnce(box: Sandbox, id: string, questions: ReadonlyMap<string, string[]>): boolean {
  const outbox = join(box.task(id), 'outbox')
  const asked = readdirSync(outbox).filter((name) => name.endsWith('.md'))
  const answered = readdirSync(join(outbox, 'seen')).filter((name) => name.endsWith('.md'))
  return asked.length === 0 && answered.length === 1 && (questions.get(id)?.length ?? 0) <= 1
}
