/**
 * Whatever way an attempt ends, nothing of it lives on. Workers and checks leave processes behind in every way
 * we know of; the attempt ends in every way there is; five seconds later they are counted. A worker that outlives
 * its runner goes on by design; what is left of it is counted after the next verb that follows its end.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cgroupFor } from '../../lib/kit/cgroup.ts'
import { isRunning, readGone, signal } from '../../lib/kit/pid.ts'
import { findMarked } from '../../lib/kit/sweep.ts'
import { markerName } from '../../lib/rules/environment.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, spawnTask } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import { percentile, randomness, type Scenario } from './scenario.ts'

/** How something is left behind: `it` is a command that stays. `"$1"` is the task's directory. */
const kinds: Readonly<Record<string, (it: string) => string>> = {
  'plain child': (it) => `${it} &`,
  'its own session': (it) => `setsid ${it} &`,
  'double fork': (it) => `(setsid sh -c '(${it}) &' &) &`,
  'its own process group': (it) => `bash -c 'set -m; ${it} & disown'`,
  // What is in the group of a command is ended by the worker together with the command.
  'background job of a finished command': (it) => `bash -c 'set -m; nohup ${it} > /dev/null 2>&1 & disown'`,
  'cleared environment': (it) => `env -i PATH="$PATH" setsid ${it} > /dev/null 2>&1 &`,
  // Gets it as soon as runner and worker are gone.
  'daemon that shares run.lock': (it) => `setsid flock -s "$1/run.lock" ${it} > /dev/null 2>&1 &`,
  'daemon that takes run.lock': (it) => `setsid flock "$1/run.lock" ${it} > /dev/null 2>&1 &`,
}

interface Trial {
  readonly id: string
  readonly kind: string
  readonly ending: Ending
  /** Its argument of `sleep`, by which it is found among all processes. */
  readonly token: string
  /** Does not react to SIGTERM. */
  readonly stubborn: boolean
}

interface Ending {
  readonly name: string
  /** Who leaves something behind. */
  readonly by: 'worker' | 'check'
  readonly budget?: number
  /** Brings the attempt to its end: from when it returns, nothing may live much longer. */
  readonly act: (box: Sandbox, trial: Trial) => Promise<void>
}

const verb = async (box: Sandbox, name: 'status' | 'stop', ...args: string[]) => {
  const ran = await box.json(name, ...args)
  if (ran.exitCode !== 0) throw new Error(`${name} ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return ran.json.data
}
const go = (box: Sandbox, { id }: Trial) => writeFileSync(join(box.directory, `go-${id}`), '')
const worker = (box: Sandbox, id: string): number => box.status(id).worker?.pid
const left = (box: Sandbox, { id }: Trial, state: string) =>
  until(`${id} to leave ${state}`, () => box.status(id).state !== state)
const gone = (pid: number) => until(`the end of ${pid}`, () => !isRunning(pid))

async function killRunner(box: Sandbox, { id }: Trial): Promise<void> {
  const runners = runnersOf(box, id)
  kill(...runners)
  for (const pid of runners) await gone(pid)
}

const endings: readonly Ending[] = [
  {
    name: 'it ends by itself',
    by: 'worker',
    async act(box, trial) {
      go(box, trial)
      await left(box, trial, 'running')
    },
  },
  {
    name: 'its check ends',
    by: 'check',
    async act(box, trial) {
      go(box, trial)
      await left(box, trial, 'verifying')
    },
  },
  { name: 'stop', by: 'worker', act: async (box, { id }) => void (await verb(box, 'stop', id)) },
  { name: 'stop in a check', by: 'check', act: async (box, { id }) => void (await verb(box, 'stop', id)) },
  {
    name: 'stop --cancel',
    by: 'worker',
    act: async (box, { id }) => void (await verb(box, 'stop', id, '--cancel')),
  },
  {
    name: 'SIGKILL of the worker',
    by: 'worker',
    async act(box, trial) {
      kill(worker(box, trial.id))
      await left(box, trial, 'running')
    },
  },
  {
    name: 'SIGKILL of the runner',
    by: 'worker',
    async act(box, trial) {
      const pid = worker(box, trial.id)
      await killRunner(box, trial)
      const { health } = (await verb(box, 'status', trial.id)).task
      if (health !== 'alone') throw new Error(`a worker without a runner is said to be ${health}`)
      if (!isRunning(pid)) throw new Error('a worker within its budget did not survive its runner')
      go(box, trial)
      await gone(pid)
      await verb(box, 'status')
    },
  },
  {
    name: 'SIGKILL of the runner in a check',
    by: 'check',
    async act(box, trial) {
      await killRunner(box, trial)
      await verb(box, 'status')
    },
  },
  {
    name: 'SIGKILL of both',
    by: 'worker',
    async act(box, trial) {
      const pid = worker(box, trial.id)
      kill(...runnersOf(box, trial.id), pid)
      await gone(pid)
      await verb(box, 'status')
    },
  },
  {
    name: 'SIGKILL of the runner, then stop',
    by: 'worker',
    async act(box, trial) {
      await killRunner(box, trial)
      await verb(box, 'stop', trial.id)
    },
  },
  {
    name: 'stop, and SIGKILL of the runner meanwhile',
    by: 'worker',
    async act(box, trial) {
      const stopped = verb(box, 'stop', trial.id)
      await until('the request', () => readdirSync(box.task(trial.id)).includes('stop.json'))
      kill(...runnersOf(box, trial.id))
      await stopped
    },
  },
  {
    name: 'its budget is spent',
    by: 'worker',
    budget: 0.05,
    act: async (box, trial) => void (await left(box, trial, 'running')),
  },
  {
    name: 'its budget is spent without a runner',
    by: 'worker',
    budget: 0.08,
    async act(box, trial) {
      const { worker, settings } = box.status(trial.id)
      const spentAt = Date.parse(worker.started) + settings.budget.minutes * 60_000
      await killRunner(box, trial)
      // On a slow machine it was made nine times as long (`withMore`).
      await until('the budget', () => Date.now() > spentAt, 90_000)
      await verb(box, 'status')
    },
  },
]

export const scenario: Scenario = {
  name: 'orphans',
  unit: 'trials',
  short: 8,
  long: 100,
  async play({ rounds, seed, say }) {
    const random = randomness(seed)
    const withCgroup = cgroupFor('/a-first-look#1') !== null
    if (!withCgroup) say('no cgroup can be made here: what cleared its environment is left out')
    const names = Object.keys(kinds).filter((kind) => withCgroup || kind !== 'cleared environment')
    // Two circles of different length: every kind meets every ending before a pair comes again.
    const offset = Math.floor(random() * endings.length)
    const trials = Array.from({ length: rounds }, (_, n): Trial => {
      const ending = endings[(n + offset) % endings.length] as Ending
      const token = String(100_000_000 + (seed % 100_000) * 1000 + n)
      return { id: `t-${n}`, kind: names[n % names.length] ?? '', ending, token, stubborn: random() < 0.5 }
    })
    const box = await makeSandbox({ config: { max_workers: 40, stop_grace_seconds: 1 } })
    try {
      const outcomes: Outcome[] = []
      const waiting = [...trials]
      const inTurn = async () => {
        for (let trial = waiting.shift(); trial; trial = waiting.shift())
          outcomes.push(await play(box, trial, say))
      }
      await Promise.all([inTurn(), inTurn(), inTurn(), inTurn(), inTurn(), inTurn()])
      await verb(box, 'status')
      const took = outcomes.map(({ took }) => took)
      const alive = outcomes.filter(({ left }) => left > 0).length
      const baseline = `process group: ${outcomes.filter(({ inGroup }) => !inGroup).length}, mark alone: ${outcomes.filter(({ marked }) => !marked).length}`
      const cgroups = leftCgroups(box, trials)
      const wrong = await complaints(box)
      for (const line of wrong) say(line)
      return [
        {
          what: `orphans 5 s after the end, ${rounds} trials`,
          figure: `${alive} (slowest end ${percentile(took, 1)} ms)`,
          baseline,
          goal: '0',
          met: alive === 0 && outcomes.length === rounds,
        },
        {
          what: 'cgroups left behind',
          figure: String(cgroups.length),
          goal: '0',
          met: cgroups.length === 0,
        },
        {
          what: 'doctor --strict after the orphans',
          figure: `${wrong.length} findings`,
          goal: '0',
          met: wrong.length === 0,
        },
      ]
    } finally {
      for (const { token } of trials) for (const pid of sleepers(token)) signal(pid, 'SIGKILL')
      await box.close()
    }
  },
}

interface Outcome {
  /** Alive after five seconds. */
  readonly left: number
  /** Milliseconds from the end of the attempt to the end of the last. */
  readonly took: number
  /** What simpler ways to end them would have found. */
  readonly inGroup: boolean
  readonly marked: boolean
}

async function play(box: Sandbox, trial: Trial, say: (line: string) => void): Promise<Outcome> {
  const { id, kind, ending, token, stubborn } = trial
  try {
    await begin(box, trial)
    const [pid] = await until(`the ${kind} of ${id}`, () => {
      const found = sleepers(token)
      return found.length > 0 || box.status(id).failure?.class === 'budget' ? found : undefined
    })
    // On a slow machine the budget was spent before anything could be left behind.
    if (pid === undefined) return await play(box, withMore(trial), say)
    const status = box.status(id)
    const marked = findMarked(markerName, `${box.task(id)}#${status.attempt}`).includes(pid)
    const inGroup = groupOf(pid) === groupOf(status.worker?.pid ?? 0)
    await ending.act(box, trial)
    const began = Date.now()
    while (sleepers(token).length > 0 && Date.now() - began < 5000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    const alive = sleepers(token).length
    if (alive > 0) say(`alive: ${kind}${stubborn ? ' (stubborn)' : ''} after ${ending.name} (${id})`)
    return { left: alive, took: Date.now() - began, inGroup, marked }
  } catch (error) {
    throw new Error(`${id}, ${kind}, ${ending.name}: ${error instanceof Error ? error.message : error}`)
  }
}

const withMore = (trial: Trial): Trial => {
  const { id, ending } = trial
  return { ...trial, id: `${id}-b`, ending: { ...ending, budget: (ending.budget ?? 0) * 3 } }
}

async function begin(box: Sandbox, { id, kind, ending, token, stubborn }: Trial): Promise<void> {
  const script = join(box.directory, `orphan-${id}.sh`)
  const stay = join(box.directory, `stay-${id}.sh`)
  writeFileSync(stay, `${stubborn ? 'trap "" TERM HUP INT; ' : ''}exec sleep "$1"\n`)
  writeFileSync(script, `${kinds[kind]?.(`sh ${stay} ${token}`)}\n`)
  const leave = `sh ${script} ${box.state}/tasks/${id}`
  const hold = `while ! test -f ${join(box.directory, `go-${id}`)}; do sleep 0.05; done`
  const finished = kind.startsWith('background')
  const steps = finished ? [{ run: leave }, { run: hold }] : [{ run: `${leave}; ${hold}` }]
  const [worker, check] = ending.by === 'worker' ? [steps, []] : [[], [`${leave}; ${hold}`]]
  await spawnTask(
    box,
    id,
    // Enough tries, and nothing left behind by the next one: what is counted is of the first.
    {
      change: 'none',
      verify: check.map((line) => `test -f ${script}.again || { touch ${script}.again; ${line}; }`),
      ...(ending.budget ? { budget: { minutes: ending.budget } } : {}),
    },
    { attempts: [[...worker, { say: 'done' }], [{ say: 'done' }]] },
  )
}

/** Everything on the machine that has the token as an argument of its own. */
function sleepers(token: string): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) =>
      readGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
        ?.split('\0')
        .includes(token),
    )
    .map(Number)
}

function groupOf(pid: number): string | undefined {
  const stat = readGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[2]
}

function leftCgroups(box: Sandbox, trials: readonly Trial[]): string[] {
  return trials
    .flatMap(({ id }) => [1, 2, 3].map((n) => cgroupFor(`${join(box.state, 'tasks', id)}#${n}`)))
    .filter((path) => path !== null && readGone(() => readdirSync(path)) !== undefined)
    .map(String)
}
