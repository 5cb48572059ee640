/** Thousands of tasks: what `status` and the other verbs cost and print, beside an empty Node start. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { errno } from '../../lib/kit/errors.ts'
import { type Lock, tryLock } from '../../lib/kit/lock.ts'
import { taskPaths } from '../../lib/state/paths.ts'
import { type State, type Status, status as schema } from '../../lib/state/schema/status.ts'
import { median } from '../bench/report.ts'
import { type Different, statusWith } from '../support/records.ts'
import { makeSandbox, root, type Sandbox } from '../support/sandbox.ts'
import type { Play, Row, Scenario } from './scenario.ts'

export const scenario: Scenario = {
  name: 'many',
  unit: 'ended tasks',
  short: 500,
  long: 10_000,
  play,
}

const live = 100
/** How often each verb is called, after one call that warms the caches. */
const calls = { short: 3, long: 7 }
const mostMilliseconds = 300
/** The goal is for a machine on which an empty Node start takes 50 ms; a busier one gets its share, and few calls
 * more of it: they tell a growing cost from a steady one, and no more. */
const mostStarts = { short: 15, long: 6 }

async function play({ rounds, say }: Play): Promise<readonly Row[]> {
  const box = await makeSandbox()
  const held: Lock[] = []
  const times = rounds < scenario.long ? calls.short : calls.long
  const starts = rounds < scenario.long ? mostStarts.short : mostStarts.long
  try {
    const ended = rounds - live
    fillArchive(box, ended)
    say(`${ended} ended tasks in ${months.length} months`)
    for (let n = 0; n < live; n++) plantLive(box, n, restingStates[n % restingStates.length] ?? 'waiting')
    const resting = await measure(box, times, 'status')
    const all = await measure(box, times, 'status', '--all')
    const waited = await measure(box, times, 'wait', '--timeout', '1s')
    const one = await measure(box, times, 'status', 'old-1')
    const logged = await measure(box, times, 'log', 'old-1')
    // The same number again, of every kind that is under way: their locks are held, as runners would.
    for (let n = live; n < 2 * live; n++) {
      const directory = plantLive(box, n, ownedStates[n % ownedStates.length] ?? 'running')
      const lock = await tryLock(join(directory, 'run.lock'))
      if (lock) held.push(lock)
    }
    const working = await measure(box, times, 'status')
    for (let n = 2 * live; n < rounds; n++) plantLive(box, n, 'queued')
    say(`${rounds} live tasks`)
    const crowded = await measure(box, times, 'status')
    const limit = (seen: Measured) => Math.max(mostMilliseconds, starts * seen.bare)
    const within = (what: string, seen: Measured, most = limit(seen)): Row => ({
      what: `${what}: median time`,
      figure: `${seen.median.toFixed(0)} ms, ${seen.megabytes.toFixed(0)} MB`,
      baseline: `${seen.bare.toFixed(0)} ms (node -e 0)`,
      goal: `≤ ${most.toFixed(0)} ms, ≤ ${mostMegabytes} MB`,
      met: seen.exits.every((exit) => exit === 0) && seen.median <= most && seen.megabytes <= mostMegabytes,
    })
    const what = `${ended.toLocaleString('en')} ended`
    return [
      within(`status, ${live} live resting and ${what}`, resting),
      within(`status, ${2 * live} live, ${held.length} of them at work, and ${what}`, working),
      within(`status --all, ${what}`, all),
      within(`wait --timeout 1s with something to do, ${what}`, waited, limit(waited) + 100),
      within(`status of an ended task among ${what}`, one),
      within(`log of an ended task among ${what}`, logged),
      within(`status, ${rounds.toLocaleString('en')} live, nearly all queued`, crowded, 3000),
      ...[resting, working, all, crowded].map((seen, n) =>
        brief(['resting', 'working', '--all', 'crowded'][n] ?? '', seen),
      ),
    ]
  } finally {
    for (const lock of held) lock.close()
    await box.close()
  }
}

const mostMegabytes = 200

function brief(which: string, seen: Measured): Row {
  return {
    what: `what status prints (${which})`,
    figure: `${seen.lines} lines, ${seen.bytes} bytes`,
    goal: '≤ 40 lines, ≤ 8000 bytes',
    met: seen.lines <= 40 && seen.bytes <= 8000 && seen.lines > 0,
  }
}

interface Measured {
  readonly median: number
  /** Of `node -e 0`, called in between. */
  readonly bare: number
  readonly megabytes: number
  readonly lines: number
  readonly bytes: number
  readonly exits: readonly (number | null)[]
}

async function measure(box: Sandbox, times: number, verb: string, ...args: string[]): Promise<Measured> {
  const program = join(root, 'bin', verb)
  await watched(box, program, args)
  const ours: Watched[] = []
  const bare: number[] = []
  for (let n = 0; n < times; n++) {
    bare.push((await watched(box, process.execPath, ['-e', '0'])).milliseconds)
    ours.push(await watched(box, program, args))
  }
  const text = ours.at(-1)?.stdout ?? ''
  return {
    median: median(ours.map((call) => call.milliseconds)),
    bare: median(bare),
    megabytes: Math.max(...ours.map((call) => call.megabytes)),
    lines: text.trimEnd().split('\n').length,
    bytes: Buffer.byteLength(text),
    exits: ours.map((call) => call.exit),
  }
}

interface Watched {
  readonly milliseconds: number
  readonly megabytes: number
  readonly stdout: string
  readonly exit: number | null
}

/** Runs a program and looks again and again at the most memory it had. */
function watched(box: Sandbox, file: string, args: readonly string[]): Promise<Watched> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(file, args, { cwd: box.repo, env: box.env, stdio: ['ignore', 'pipe', 'inherit'] })
    let kilobytes = 0
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk
    })
    const timer = setInterval(() => {
      kilobytes = Math.max(kilobytes, peakOf(child.pid ?? 0))
    }, 10)
    child.on('error', reject)
    child.on('close', (exit) => {
      clearInterval(timer)
      const milliseconds = performance.now() - began
      resolve({ milliseconds, megabytes: kilobytes / 1024, stdout, exit })
    })
  })
}

/** Kilobytes; 0 for a process that has ended. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errno(error) ?? '')) return 0
    throw error
  }
}

const months = Array.from(
  { length: 24 },
  (_, n) => `${2024 + Math.floor(n / 12)}-${String((n % 12) + 1).padStart(2, '0')}`,
)
const restingStates: readonly State[] = ['queued', 'failed', 'waiting', 'review', 'landing']
const ownedStates: readonly State[] = ['running', 'verifying', 'landing']

function fillArchive(box: Sandbox, count: number): void {
  for (let n = 0; n < count; n++) {
    const month = months[n % months.length] ?? ''
    write(join(box.state, 'archive', month, `old-${n}`), `old-${n}`, {
      state: (['merged', 'done', 'cancelled'] as const)[n % 3] ?? 'merged',
      since: `${month}-15T12:00:00.000Z`,
    })
  }
}

function plantLive(box: Sandbox, n: number, state: State): string {
  const directory = join(box.state, 'tasks', `task-${n}`)
  const at = '2026-02-03T04:05:06.789Z'
  const resting: Different =
    state === 'landing' ? { change: { state: 'ready', commit: null, onto: null, note: 'waits' } } : {}
  const owned: Different = {
    // This very process holds the locks.
    runner: {
      pid: process.pid,
      boot: 'unknown',
      host: 'here',
      ticks: null,
      pid_namespace: null,
      cgroup: null,
      started: at,
    },
    activity: { kind: 'tool', what: 'npm test -- --run everything', since: at, last_event: at },
  }
  write(directory, `task-${n}`, {
    state,
    not_before: state === 'queued' ? '2099-01-01T00:00:00.000Z' : null,
    ...(n < live ? resting : state === 'queued' ? {} : owned),
    // Some wait for one another, in chains.
    settings: {
      verify: ['npm test'],
      paths: ['src/**'],
      needs: state === 'queued' && n % 10 !== 0 ? [`task-${n - 1}`] : [],
    },
  })
  return directory
}

function write(directory: string, id: string, different: Different): void {
  const paths = taskPaths(directory)
  for (const made of [paths.inboxSeen, paths.outboxSeen, paths.log]) mkdirSync(made, { recursive: true })
  const status: Status = statusWith(id, {
    title: `Task ${id} with a title of the usual length`,
    reason: 'all 3 attempts are spent; the last: the check `npm test` failed: exit code 1',
    attempt: 3,
    tries: 3,
    ...different,
  })
  writeFileSync(paths.status, JSON.stringify(schema.parse(status), null, 2))
  writeFileSync(paths.runLock, '')
  writeFileSync(paths.spec, 'Do it.\n')
  const created = {
    at: status.created,
    task: id,
    type: 'created',
    attempt: 0,
    to: 'queued',
    text: status.title,
  }
  writeFileSync(paths.trail, `${JSON.stringify(created)}\n`)
}
