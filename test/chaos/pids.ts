/**
 * A pid is a hint, never a proof. Recorded pids are given to bystanders, and tasks are looked at from pid namespaces
 * in which their pids mean nothing: what is lost is taken up, what lives is left alone, and nobody else is signalled.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { cgroupFor } from '../../lib/kit/cgroup.ts'
import { isRunning, readGone } from '../../lib/kit/pid.ts'
import { startScriptedModel } from '../scripted-model/server.ts'
import { makeSandbox, root, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, workersOf } from '../support/tasks.ts'
import { complaints } from './clean.ts'
import { type Row, randomness, type Scenario } from './scenario.ts'

/** A place to call verbs in: a pid namespace of its own, or ours. */
interface Place {
  /** Runs a program there, in the repository. */
  run(...argv: string[]): Promise<string>
  /** Its init, by our pid; undefined for our own namespace. */
  readonly init?: number
  close(): void
}

const here = (box: Sandbox): Place => ({ run: (...argv) => output(box, argv), close: () => undefined })

async function newNamespace(box: Sandbox): Promise<Place> {
  // Its init ignores SIGCHLD, so that the kernel reaps what is orphaned, and the pids are free again.
  const child = spawn(
    'unshare',
    [
      '-pf',
      '--mount-proc',
      '--kill-child',
      '--',
      'sh',
      '-c',
      'echo up; exec env --ignore-signal=CHLD sleep infinity',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: box.env },
  )
  await once(child.stdout, 'data')
  const init = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim())
  const enter = ['nsenter', '-t', String(init), '-p', '-m', `--wd=${box.repo}`, '--']
  return { init, run: (...argv) => output(box, [...enter, ...argv]), close: () => child.kill('SIGKILL') }
}

async function output(box: Sandbox, [file = '', ...args]: readonly string[]): Promise<string> {
  const ran = await execa(file, args, { cwd: box.repo, env: box.env, extendEnv: false, stdin: 'ignore' })
  return ran.stdout
}

const verb = async (place: Place, name: string, ...args: string[]) =>
  JSON.parse(await place.run(join(root, 'bin', name), ...args, '--json')).data

/** A task whose first attempt holds on until it is told, and leaves something behind when that is wanted. */
async function begin(box: Sandbox, place: Place, id: string, leave = ''): Promise<void> {
  const hold = `while ! test -f ${box.directory}/go-${id}; do sleep 0.05; done`
  const steps = { attempts: [[{ run: `${leave} ${hold}` }, { say: 'done' }], [{ say: 'done' }]] }
  await verb(place, 'spawn', id, '--spec', box.spec({ title: id, change: 'none' }, steps))
  await until(`the command of ${id}`, () => box.status(id).activity?.kind === 'tool')
}

const finish = async (box: Sandbox, id: string) => {
  writeFileSync(join(box.directory, `go-${id}`), '')
  return await ended(box, id)
}
const ended = (box: Sandbox, id: string) =>
  until(
    `the end of ${id}`,
    () => box.status(id).state === 'done' && box.task(id).includes('/archive/') && box.status(id),
  )

async function killBoth(box: Sandbox, id: string): Promise<void> {
  const worker = workersOf(box, id).filter((pid) => commandOf(pid).includes('codex'))
  const doomed = [...runnersOf(box, id), ...worker]
  kill(...doomed)
  for (const pid of doomed) await until(`the end of ${pid}`, () => !existsSync(`/proc/${pid}`))
}

const commandOf = (pid: number) => readGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? ''

/** Found by their arguments: their environment is empty. */
const followersOf = (box: Sandbox) =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && commandOf(pid) === `tail\0-f\0${box.directory}/gitconfig\0`)

/** Somebody who has this pid now, writes down every signal, and has nothing to do with us. */
async function bystander(
  box: Sandbox,
  place: Place,
  pid: number,
  name: string,
): Promise<() => string | null> {
  const script = join(box.directory, `bystander-${name}.sh`)
  const notes = join(box.directory, `bystander-${name}.log`)
  writeFileSync(
    script,
    `for s in HUP INT QUIT USR1 USR2 TERM CONT; do trap "echo $s >> ${notes}" $s; done
echo up >> ${notes}; sleep 100000 & while kill -0 $!; do wait $!; done`,
  )
  const begun = `echo ${pid - 1} > /proc/sys/kernel/ns_last_pid; sh ${script} > /dev/null 2>&1 & echo $!`
  await until(`pid ${pid}`, async () => {
    const got = Number(await place.run('sh', '-c', begun))
    if (got !== pid) await place.run('sh', '-c', `kill -9 ${got}`)
    return got === pid
  })
  await until('the bystander', () => existsSync(notes))
  return () => {
    // One that got another pid, and was ended for it, has said that it was up as well.
    const noted = readFileSync(notes, 'utf8').replaceAll('up\n', '')
    const lives = spawnSync('nsenter', ['-t', String(place.init), '-p', '-m', 'kill', '-0', String(pid)])
    return noted !== '' ? `was sent ${noted}` : lives.status === 0 ? null : 'was killed'
  }
}

/** Gives what is wrong, or null. */
type Case = (box: Sandbox, place: Place, id: string) => Promise<string | null>

/** @param ticks also the start time is that of the bystander */
const reused =
  (whose: 'runner' | 'worker', ticks: boolean): Case =>
  async (box, place, id) => {
    await begin(box, place, id)
    const { pid } = box.status(id)[whose]
    // The runner first: it would see its worker's end, and nothing would be lost.
    await killBoth(box, id)
    kill(...workersOf(box, id))
    const harmed = await bystander(box, place, pid, id)
    if (ticks) {
      const stat = await place.run('cat', `/proc/${pid}/stat`)
      const status = box.status(id)
      status.runner.ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
      writeFileSync(join(box.task(id), 'status.json'), JSON.stringify(status))
    }
    const { health } = (await verb(place, 'status', id)).task
    if (health !== 'lost') return `is said to be ${health}`
    await ended(box, id)
    return harmed()
  }

const reusedWithLock =
  (whose: 'runner' | 'worker'): Case =>
  async (box, place, id) => {
    const leave = 'setsid flock "$DIRIGENT_TASK_DIR/run.lock" sleep 100000 > /dev/null 2>&1 &'
    await begin(box, place, id, leave)
    const { pid } = box.status(id)[whose]
    await killBoth(box, id)
    const harmed = await bystander(box, place, pid, id)
    await verb(place, 'status', id)
    await ended(box, id)
    return harmed()
  }

/** Three looks from elsewhere, and nothing has changed. */
async function lookedAt(
  box: Sandbox,
  from: Place,
  id: string,
  expected: readonly string[],
): Promise<string | null> {
  const before = box.status(id)
  for (let n = 0; n < 3; n++) {
    const { health } = (await verb(from, 'status', id)).task
    if (!expected.includes(health)) return `is said to be ${health}`
  }
  const now = box.status(id)
  if (now.attempt !== before.attempt || now.runner.started !== before.runner.started) return 'was taken up'
  return workersOf(box, id).length === 0 ? 'its worker was ended' : null
}

const working = ['working', 'in-a-tool']

const cases: Readonly<Record<string, Case>> = {
  'the runner’s pid is a bystander’s': reused('runner', false),
  'the runner’s pid and start time are a bystander’s': reused('runner', true),
  'the worker’s pid is a bystander’s': reused('worker', false),
  'the runner’s pid is a bystander’s, and a leftover has the lock': reusedWithLock('runner'),
  'the worker’s pid is a bystander’s, and a leftover has the lock': reusedWithLock('worker'),
  async 'a runner inside is seen from outside'(box, place, id) {
    await begin(box, place, id)
    const wrong = await lookedAt(box, here(box), id, working)
    const { attempt } = await finish(box, id)
    return wrong ?? (attempt === 1 ? null : `took ${attempt} attempts`)
  },
  async 'a runner outside is seen from inside'(box, place, id) {
    await begin(box, here(box), id)
    const wrong = await lookedAt(box, place, id, working)
    const { attempt } = await finish(box, id)
    return wrong ?? (attempt === 1 ? null : `took ${attempt} attempts`)
  },
  async 'a worker without a runner is seen from all sides'(box, place, id) {
    await begin(box, place, id)
    kill(...runnersOf(box, id))
    await until('the end of the runner', () => runnersOf(box, id).length === 0)
    const beside = await newNamespace(box)
    const wrong =
      (await lookedAt(box, here(box), id, ['alone'])) ??
      (await lookedAt(box, place, id, ['alone'])) ??
      // From there it is not to be seen that the runner is gone.
      (await lookedAt(box, beside, id, working))
    beside.close()
    writeFileSync(join(box.directory, `go-${id}`), '')
    await until('the end of the worker', () => workersOf(box, id).length === 0)
    await verb(here(box), 'status', id)
    const { attempt } = await ended(box, id)
    return wrong ?? (attempt === 1 ? null : `took ${attempt} attempts`)
  },
  async 'what was left inside is ended from outside'(box, place, id) {
    const leave = 'setsid flock "$DIRIGENT_TASK_DIR/run.lock" sleep 100000 > /dev/null 2>&1 &'
    await begin(box, place, id, leave)
    await killBoth(box, id)
    const left = workersOf(box, id)
    if (left.length === 0) return 'left nothing behind'
    await verb(here(box), 'status', id)
    const alive = left.filter(isRunning)
    await ended(box, id)
    return alive.length > 0 ? `left ${alive.length} alive` : null
  },
  async 'what was left outside is ended from inside, by its cgroup'(box, place, id) {
    if (cgroupFor(id) === null) return null
    await begin(
      box,
      here(box),
      id,
      `env -i setsid tail -f ${box.directory}/gitconfig > /dev/null 2>&1 & setsid sleep 100000 > /dev/null 2>&1 &`,
    )
    await killBoth(box, id)
    const left = [...workersOf(box, id), ...followersOf(box)]
    if (left.length < 2) return 'left nothing behind'
    await verb(place, 'status', id)
    const alive = left.filter(isRunning)
    await ended(box, id)
    return alive.length > 0 ? `left ${alive.length} alive` : null
  },
  async 'a namespace that ended as a whole is taken up from outside'(box, place, id) {
    await begin(box, place, id)
    place.close()
    await until('its end', () => workersOf(box, id).length === 0 && runnersOf(box, id).length === 0)
    const { health } = (await verb(here(box), 'status', id)).task
    await ended(box, id)
    return health === 'lost' ? null : `is said to be ${health}`
  },
}

export const scenario: Scenario = {
  name: 'pids',
  unit: 'trials',
  short: 6,
  long: 44,
  impossible: () =>
    spawnSync('unshare', ['-pf', '--mount-proc', 'sh', '-c', 'echo 300 > /proc/sys/kernel/ns_last_pid'])
      .status === 0 && spawnSync('nsenter', ['--version']).status === 0
      ? null
      : 'pid namespaces, or the choice of the next pid in them, need root',
  async play({ rounds, seed, say }) {
    const offset = Math.floor(randomness(seed)() * Object.keys(cases).length)
    const all = Object.entries(cases)
    const model = await startScriptedModel()
    const wrong: string[] = []
    const found: string[] = []
    let played = 0
    // A repository for each: verbs take up whatever they find lost, and here it matters which one does.
    const one = async (n: number) => {
      const [name, act] = all[(n + offset) % all.length] ?? fail()
      const box = await makeSandbox({ model, config: { stop_grace_seconds: 1 } })
      const place = await newNamespace(box)
      try {
        const problem = await act(box, place, `p-${n}`).catch((error) => String(error))
        if (problem) wrong.push(`${name} (p-${n}): ${problem}`)
        else found.push(...(await complaints(box)))
      } finally {
        place.close()
        await box.close()
      }
    }
    const next = async () => {
      while (played < rounds) await one(played++)
    }
    try {
      await Promise.all([next(), next(), next()])
    } finally {
      await model.close()
    }
    for (const line of [...wrong, ...found]) say(line)
    const row = (what: string, bad: readonly string[]): Row => {
      return { what, figure: String(bad.length), goal: '0', met: bad.length === 0 }
    }
    return [
      row(`reused pids and foreign pid namespaces misjudged, ${played} trials`, wrong),
      row('doctor --strict after them', found),
    ]
  },
}

function fail(): never {
  throw new Error('no case')
}
