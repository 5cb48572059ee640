/**
 * Two runners of one task, which no kernel lock allows and a replaced lock file makes: the first is stopped
 * (SIGSTOP), run.lock is replaced, a verb takes the task up, and then the first goes on. It is late: nothing of it
 * is published, nothing of the new owner is touched, and it ends by itself.
 *
 * Seen to fail: with `return null` for every status in `differs` (lib/state/owner.ts), all but the last; with
 * `sweep(markOf(task), grace)` alone in sweepOwn (lib/flows/runner/marker.ts), "in a check"; with the file's epoch
 * instead of the one it was started with in takeOver (lib/flows/runner/run.ts), "at birth".
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import {
  cmdline,
  exitOf,
  landed,
  runnersOf,
  settled,
  spawnTask,
  trailOf,
  workersOf,
} from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ stop_grace_seconds: 1, build: { slots: 2, scope: 'repository' } }, (made) => {
  box = made
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const gate = (name: string) => join(box.directory, name)
const untilGate = (name: string) => `while [ ! -e ${gate(name)} ]; do sleep 0.05; done`
const state = (pid: number) =>
  / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\)/, ''))?.[1]
/** The shells of the task that wait at a gate, but for the short-lived ones that they start. */
const waitingFor = (id: string, name: string) =>
  workersOf(box, id).filter(
    (pid) => /sh\0-l?c\0while /.test(cmdline(pid)) && cmdline(pid).includes(gate(name)),
  )
const stale = (id: string) => {
  const directory = join(box.task(id), 'log', 'stale')
  return existsSync(directory) ? readdirSync(directory).sort() : []
}

/** As a worker can, or whoever puts a backup back: the lock that is held is nobody's any more. */
function replaceLock(id: string): void {
  const lock = join(box.task(id), 'run.lock')
  writeFileSync(`${lock}.new`, '')
  renameSync(`${lock}.new`, lock)
}

/** Stops the runner, and gives its task to another one. Gives the pid of the late one. */
async function overtake(id: string): Promise<number> {
  const [pid = 0] = runnersOf(box, id)
  process.kill(pid, 'SIGSTOP')
  await until('it to stand still', () => state(pid) === 'T')
  replaceLock(id)
  expect((await box.json('status', id)).json.data.task).toMatchObject({ health: 'lost' })
  return pid
}

async function goOn(pid: number): Promise<void> {
  process.kill(pid, 'SIGCONT')
  await until('the end of the late one', () => !existsSync(`/proc/${pid}`))
  expect(readFileSync(join(box.state, 'locks', 'runner.log'), 'utf8')).toContain('too late: ')
}

/** What the new owner has to say; `activity` and what goes with it change by themselves. */
const owned = (id: string) => {
  const { state, attempt, epoch, runner, tries, lost, flags, usage } = box.status(id)
  return { state, attempt, epoch, runner, tries, lost, flags, usage, trail: trailOf(box, id) }
}

it('while its worker is at work: that one is ended, and its end counts for nothing', async () => {
  await spawnTask(
    box,
    'late',
    {},
    {
      attempts: [
        [commit('one.txt'), { run: 'sleep 60' }],
        [commit('two.txt'), { run: untilGate('go') }, done],
      ],
    },
  )
  await until('the sleep', () => box.status('late').activity?.what?.includes('sleep 60'))
  const before = workersOf(box, 'late')
  const epoch = box.status('late').epoch
  const pid = await overtake('late')
  // One worker at a time: the first was ended before the second was started.
  await until('the second attempt', () => box.status('late').activity?.what?.includes('go'))
  expect(workersOf(box, 'late').filter((worker) => before.includes(worker))).toEqual([])
  const workers = [box.status('late').worker.pid, ...waitingFor('late', 'go')]
  expect(workers.length).toBeGreaterThan(1)
  const [exit, now] = [exitOf(box, 'late', 1), owned('late')]

  await goOn(pid)
  expect(owned('late')).toEqual(now)
  expect(exitOf(box, 'late', 1)).toEqual(exit)
  expect(workersOf(box, 'late')).toEqual(expect.arrayContaining(workers))
  expect(stale('late')).toEqual([`attempt-001-exit-${epoch}.json`])

  writeFileSync(gate('go'), '')
  expect(await settled(box, 'late')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(await landed(box, 'late')).toHaveLength(2)
  const result = JSON.parse(readFileSync(join(box.task('late'), 'result.json'), 'utf8'))
  expect(result).toMatchObject({ attempt: 2, epoch: box.status('late').epoch })
  expect(trailOf(box, 'late').filter((event) => event.type === 'landed')).toHaveLength(1)
})

it('in a check: that of the new owner, under the very same mark, goes on', async () => {
  const stops = `[ -e ${gate('stopped')} ] || { touch ${gate('stopped')}; kill -STOP $PPID; }`
  await spawnTask(box, 'checked', { verify: [stops, untilGate('go')] }, [commit('checked.txt'), done])
  await until('the first check', () => existsSync(gate('stopped')))
  const pid = await overtake('checked')
  await until('the check of the new owner', () => box.status('checked').activity?.what?.includes('go'))
  await until('its process', () => waitingFor('checked', 'go').length > 0)
  const [checks, now] = [waitingFor('checked', 'go'), owned('checked')]

  await goOn(pid)
  expect(waitingFor('checked', 'go')).toEqual(checks)
  expect(owned('checked')).toEqual(now)

  writeFileSync(gate('go'), '')
  expect(await settled(box, 'checked')).toMatchObject({ state: 'merged', attempt: 1 })
  expect(await landed(box, 'checked')).toHaveLength(1)
  expect(stale('checked')).toEqual([])
})

it('as it moves the base: there is one landing, and the new owner tells of it', async () => {
  stopGit('-m dirigent: landed')
  await spawnTask(box, 'landing', {}, [commit('landing.txt'), done])
  await until('the move', () => existsSync(gate('git.stopped')))
  const pid = await overtake('landing')
  await until('the new owner', () => runnersOf(box, 'landing').some((runner) => runner !== pid))
  await goOn(pid)
  expect(await settled(box, 'landing')).toMatchObject({ state: 'merged', attempt: 1 })
  expect(await landed(box, 'landing')).toHaveLength(1)
  const landings = trailOf(box, 'landing').filter((event) => event.type === 'landed')
  expect(landings).toHaveLength(1)
  expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
})

it('at birth: who is started for a task that somebody else has begun meanwhile does not begin it', async () => {
  await spawnTask(box, 'born', {}, [commit('born.txt'), { run: untilGate('go') }, done])
  await until('its worker', () => box.status('born').activity?.kind === 'tool')
  const now = owned('born')
  // What a runner has that slept at birth: the lock file, and the epoch from before the task was begun.
  const lock = openSync(join(box.task('born'), 'run.lock'), 'r')
  const words = ['run', 'born', '--repo', box.repo, '--epoch', String(now.epoch - 1)]
  const late = spawnSync(join(root, 'bin', 'dirigent'), words, {
    env: box.env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', lock],
  })
  closeSync(lock)
  expect([late.status, late.stderr]).toEqual([0, expect.stringContaining('too late: born was taken over')])
  expect(owned('born')).toEqual(now)
  writeFileSync(gate('go'), '')
  expect(await settled(box, 'born')).toMatchObject({ state: 'merged', attempt: 1 })
})

it('although nobody but a person took the task: who writes another state ends its worker', async () => {
  const steps = [commit('edited.txt'), { run: untilGate('go') }, { run: 'sleep 60' }]
  await spawnTask(box, 'edited', {}, steps)
  await until('the gate', () => box.status('edited').activity?.what?.includes('while'))
  const path = join(box.task('edited'), 'status.json')
  await until('an edit that nobody wrote over', () => {
    const status = { ...box.status('edited'), state: 'waiting', reason: 'I think about it' }
    writeFileSync(path, JSON.stringify(status))
    // The runner looks before it writes, and writes when the worker does something else: not only every ten seconds.
    writeFileSync(gate('go'), '')
    return workersOf(box, 'edited').length === 0
  })
  await until('the end of its runner', () => runnersOf(box, 'edited').length === 0)
  expect(box.status('edited')).toMatchObject({ state: 'waiting', reason: 'I think about it', attempt: 1 })
  expect((await box.json('status', 'edited')).json.data.task).toMatchObject({ state: 'waiting' })
  expect((await box.json('respawn', 'edited')).exitCode).toBe(0)
})

/** A git that stops the runner which starts it with these words, once, before it does what it is told. */
function stopGit(words: string): void {
  const bin = join(box.directory, 'bin')
  mkdirSync(bin)
  const real = `/usr/bin/env PATH="\${PATH#*:}" git "$@"`
  const script = `#!/bin/sh
[ -e ${gate('git.stopped')} ] && exec ${real}
case "$*" in
  *"${words}"*)
    touch ${gate('git.stopped')}
    kill -STOP $PPID ;;
esac
exec ${real}
`
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 })
  box.env.PATH = `${bin}:${box.env.PATH}`
}
