/** Who lives: attempts that were lost, workers nobody owns, locks that outlived their owners. */
import { isLocked } from '../../kit/lock.ts'
import { isGone, isRunning, isStopped } from '../../kit/pid.ts'
import { commandOf, openBy, outputOf, parentOf, withVariable } from '../../kit/processes.ts'
import { sweep } from '../../kit/sweep.ts'
import { plural } from '../../kit/text.ts'
import { markerName } from '../../rules/environment.ts'
import type { Finding } from '../../rules/findings.ts'
import { isOwned } from '../../rules/lifecycle.ts'
import type { Task } from '../../state/tasks.ts'
import { trustRepository } from '../context.ts'
import { markerOf } from '../runner/marker.ts'
import { areWorkersAbout, observe, takeUp } from '../settle.ts'
import { ensureSupervisor } from '../supervise/start.ts'
import { collect } from './collect.ts'
import type { Look } from './look.ts'

export async function liveness(look: Look): Promise<readonly Finding[]> {
  const all = collect()
  await all.tryAsync('lost attempts', () => lostAttempts(look))
  await all.tryAsync('processes of attempts', () => ofAttempts(look))
  await all.tryAsync('who holds the run.locks', () => leakedLocks(look))
  await all.tryAsync('the supervisor', () => supervisor(look))
  return all.findings
}

async function lostAttempts({ context }: Look): Promise<Finding[]> {
  const seen = await observe(context)
  return seen.lost.map((task) => ({
    code: 'lost-attempt',
    what: `${task.id} is ${task.status.state}, but its run.lock is free: neither runner nor worker lives`,
    fix: 'Takes it up where its files say it was, as the next verb would.',
    mend: async () => {
      await trustRepository(context, () => areWorkersAbout(seen))
      await takeUp(context, task.id)
      await ensureSupervisor(context)
    },
  }))
}

/** Every process that carries the marker of an attempt of this repository, held against the tasks. */
async function ofAttempts(look: Look): Promise<Finding[]> {
  const { paths } = look.context
  const found: Finding[] = []
  const attempts = new Map<string, number[]>()
  for (const [pid, marker] of withVariable(markerName))
    if (marker.startsWith(`${paths.tasks}/`) && !isAncestor(pid))
      attempts.set(marker, [...(attempts.get(marker) ?? []), pid])
  for (const [marker, processes] of attempts) {
    const id = marker.slice(paths.tasks.length + 1).replace(/#\d+$/, '')
    // Whose work that is, is not known until the record is mended: they may be just what should live.
    if (look.broken.some((task) => task.id === id)) continue
    const task = look.live.find((live) => live.id === id)
    if (task && isOwned(task.status) && marker === markerOf(task)) continue
    // A runner that is ending its attempt sweeps it just now.
    const ended = task ?? look.archived.find((archived) => archived.id === id)
    if (ended && (await isHeldByRunner(ended))) continue
    const why = task
      ? `${id} is ${task.status.state}, attempt ${task.status.attempt}`
      : ended
        ? `${id} is ${ended.status.state}`
        : `there is no task ${id}`
    found.push({
      code: 'orphan-process',
      what: `${plural(processes.length, 'process')} of ${marker} still live, and ${why}: ${processes.map(describe).join(', ')}`,
      fix: 'Ends them: SIGTERM, a second, SIGKILL.',
      mend: () => sweep({ name: markerName, value: marker, cgroup: null }, 1000),
    })
  }
  return [...found, ...twoWorkers(look, attempts)]
}

/** A worker writes its event stream to the attempt's log; what it starts does not. */
function twoWorkers(look: Look, attempts: ReadonlyMap<string, readonly number[]>): Finding[] {
  const pids = [...attempts.values()].flat()
  return look.live.flatMap((task) => {
    const writers = pids.filter(
      (pid) =>
        outputOf(pid).startsWith(`${task.paths.log}/`) &&
        outputOf(pid).endsWith(`/${streamName(task)}`) &&
        isRunning(pid),
    )
    const workers = writers.filter((pid) => !writers.includes(parentOf(pid)))
    if (workers.length < 2) return []
    return [
      {
        code: 'two-workers',
        what: `${task.id} has ${workers.length} live workers: ${workers.map(describe).join(', ')}`,
        fix: `Stop the attempt, which ends both, and look at the diff before it goes on.`,
        next: `dirigent stop ${task.id}`,
      } as const,
    ]
  })
}

const streamName = (task: Task): string => task.paths.attempt(1).stream.split('/').at(-1) ?? ''

/** A lock that is held by nothing but what a worker left behind. */
async function leakedLocks({ live }: Look): Promise<Finding[]> {
  const found: Finding[] = []
  const holders = openBy(new Set(live.map((task) => task.paths.runLock)))
  for (const task of live) {
    const pids = holders.get(task.paths.runLock) ?? []
    const { runner, worker } = task.status
    if (pids.length === 0 || (runner && !isGone(runner))) continue
    if (worker && pids.includes(worker.pid)) continue
    const marked = withVariable(markerName)
    const ours = pids.filter((pid) => marked.get(pid)?.startsWith(`${task.paths.directory}#`))
    // Verbs and runners have it open, too, and carry no marker.
    const others = pids.filter((pid) => !ours.includes(pid) && !isTrusted(pid))
    const leaked = ours.length + others.length === pids.length && (await isLocked(task.paths.runLock))
    if (!leaked) continue
    const markers = [...new Set(ours.map((pid) => marked.get(pid) ?? ''))]
    found.push({
      code: 'lock-leaked',
      what: `the run.lock of ${task.id} is held, though neither its runner nor its worker lives: ${pids.map(describe).join(', ')}`,
      fix: others.length > 0 ? `End it: kill ${others.join(' ')}` : 'Ends what the worker left behind.',
      ...(others.length > 0
        ? {}
        : {
            mend: async () => {
              for (const marker of markers)
                await sweep({ name: markerName, value: marker, cgroup: null }, 1000)
            },
          }),
    })
  }
  return found
}

/** A stopped one keeps its place and does nothing; a person may have typed Ctrl-Z. */
async function supervisor({ context: { paths } }: Look): Promise<Finding[]> {
  const holders = openBy(new Set([paths.supervisorLock])).get(paths.supervisorLock) ?? []
  if (holders.length === 0 || !holders.every(isStopped) || !(await isLocked(paths.supervisorLock))) return []
  return [
    {
      code: 'supervisor-stopped',
      what: `the supervisor has been stopped: ${holders.map(describe).join(', ')}`,
      fix: `End it, the next verb starts another: kill -KILL ${holders.join(' ')}. Or let it go on: kill -CONT ${holders.join(' ')}`,
    },
  ]
}

/** The runner keeps the lock until everything of its attempt is ended. */
async function isHeldByRunner(task: Task): Promise<boolean> {
  const holders = openBy(new Set([task.paths.runLock])).get(task.paths.runLock) ?? []
  return holders.some(isTrusted) && (await isLocked(task.paths.runLock))
}

/** Our own programs run in node, and flock(1) waits for them; what a worker left may be anything else. */
function isTrusted(pid: number): boolean {
  const [program = '', script = ''] = commandOf(pid)
  return (
    /(?:^|\/)flock$/.test(program) || (/(?:^|\/)node$/.test(program) && /dirigent|\.cjs$|bin\//.test(script))
  )
}

/** We may have been started by a worker. */
function isAncestor(pid: number): boolean {
  for (let at: number = process.ppid; at > 1; at = parentOf(at)) if (at === pid) return true
  return false
}

const describe = (pid: number): string =>
  `${pid} (${commandOf(pid).join(' ').slice(0, 60) || 'its command cannot be read'})`
