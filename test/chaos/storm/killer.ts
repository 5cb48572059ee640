/**
 * Kills processes of a sandbox with SIGKILL, one at a time, as the seed decides; and looks, with every kill,
 * whether two workers of one task live.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errno } from '../../../lib/kit/errors.ts'
import { signal } from '../../../lib/kit/pid.ts'
import { markerName } from '../../../lib/rules/environment.ts'
import { mostLost } from '../../../lib/rules/retry.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import { pick } from '../scenario.ts'
import { count } from './ledger.ts'

export interface Process {
  readonly pid: number
  readonly parent: number
  /** `runner`, `landing` (a runner that checks or lands), `supervisor`, `worker`, `command`, `git`, `flock`, or a verb. */
  readonly kind: string
  readonly task: string | null
  readonly attempt: string | null
}

export interface Killer {
  /** By kind. */
  readonly kills: Map<string, number>
  /** Looks at all processes. */
  samples: number
  /** Two workers of one task, as they were seen. */
  readonly doubles: string[]
}

/** Milliseconds between two kills, on average. */
const pace = 250

export async function kill(box: Sandbox, random: () => number, rounds: number): Promise<Killer> {
  const killer: Killer = { kills: new Map(), samples: 0, doubles: [] }
  for (let done = 0; done < rounds; ) {
    await delay(random() * 2 * pace)
    const victim = await choose(box, random, killer)
    if (!victim) continue
    // It may have ended since, and its number be somebody else's.
    if (look(box, victim.pid) === undefined) continue
    signal(victim.pid, 'SIGKILL')
    count(killer.kills, victim.kind)
    done += 1
  }
  return killer
}

/** Those that live for milliseconds are waited for, now and then. */
const brief = ['git', 'flock', 'landing']

/** Every kind as often as another: there are many more workers than verbs. */
async function choose(box: Sandbox, random: () => number, killer: Killer): Promise<Process | undefined> {
  const wanted = random() < 0.4 ? pick(random, brief) : null
  const giveUp = Date.now() + pace
  while (true) {
    const seen = processes(box)
    killer.samples += 1
    killer.doubles.push(...doubled(seen))
    const targets = seen.filter((process) => !isSpared(box, process, random))
    const kinds = [...new Set(targets.map(({ kind }) => kind))].sort()
    if (wanted !== null && !kinds.includes(wanted) && Date.now() < giveUp) {
      await delay(5)
      continue
    }
    if (kinds.length === 0) return undefined
    const kind = wanted !== null && kinds.includes(wanted) ? wanted : pick(random, kinds)
    return pick(
      random,
      targets.filter((process) => process.kind === kind),
    )
  }
}

/** A task that was lost three times in a row is mostly left in peace: most are to end merged. */
function isSpared(box: Sandbox, { task, kind }: Process, random: () => number): boolean {
  if (task === null || !['runner', 'landing', 'worker'].includes(kind)) return false
  return (statusOf(box, task)?.lost ?? 0) >= mostLost - 2 && random() < 0.8
}

/** Every process whose environment, command line or locked file names the sandbox. */
export function processes(box: Sandbox): Process[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .map((pid) => look(box, pid))
    .filter((seen) => seen !== undefined)
}

function look(box: Sandbox, pid: number): Process | undefined {
  const environ = read(pid, 'environ')
  const cmdline = read(pid, 'cmdline')
  const words = cmdline.split('\0')
  const program = basename(words[0] ?? '')
  const ours =
    environ.includes(box.directory) ||
    cmdline.includes(box.directory) ||
    (program === 'flock' && lockedFile(pid).startsWith(box.directory))
  if (!ours) return undefined
  const stat = read(pid, 'stat')
  const [state = 'X', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended.
  if ('ZX'.includes(state)) return undefined
  const [, marked, attempt = null] =
    new RegExp(`(?:^|\\0)${markerName}=[^\\0]*/([^/\\0]+)#(\\d+)\\0`).exec(environ) ?? []
  // Nobody else is given --epoch.
  const isRunner = words.includes('--epoch')
  const task = marked ?? (isRunner ? (words[words.indexOf('--repo') - 1] ?? null) : null)
  return { pid, parent: Number(parent), kind: kindOf(box, words, program, isRunner, task), task, attempt }
}

function kindOf(
  box: Sandbox,
  words: readonly string[],
  program: string,
  isRunner: boolean,
  task: string | null,
): string {
  if (isRunner) {
    const state = task === null ? undefined : statusOf(box, task)?.state
    return ['verifying', 'landing', 'merged', 'done'].includes(state ?? '') ? 'landing' : 'runner'
  }
  if (program === 'codex' || program === 'git' || program === 'flock')
    return program === 'codex' ? 'worker' : program
  if (task !== null) return 'command'
  if (/\bsupervise(?:\.cjs)?$/.test(words[1] ?? '')) return 'supervisor'
  const verb = /\/bin\/([a-z]+)$/.exec(words[1] ?? '')?.[1]
  return verb ?? 'command'
}

/** Two workers of one task alive at one moment; one that a worker has just forked is not another. */
function doubled(seen: readonly Process[]): string[] {
  const workers = seen.filter(({ kind }) => kind === 'worker')
  return workers.flatMap((one) =>
    workers
      .filter(
        (other) =>
          other.pid > one.pid &&
          other.task === one.task &&
          other.parent !== one.pid &&
          one.parent !== other.pid &&
          [one, other].every(({ pid }) => read(pid, 'cmdline').includes('codex')),
      )
      .map((other) => `${one.task}: attempts ${one.attempt} and ${other.attempt}`),
  )
}

function statusOf(box: Sandbox, task: string): { state: string; lost: number } | undefined {
  try {
    return JSON.parse(readFileSync(join(box.state, 'tasks', task, 'status.json'), 'utf8'))
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Empty for a process that has ended, or is somebody else's. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return ''
    throw error
  }
}

/** flock(1) gets an environment of its own, and its file as a descriptor. */
function lockedFile(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/3`)
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return ''
    throw error
  }
}
