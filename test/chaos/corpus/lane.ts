/** One sandbox in which bad inputs are tried, and what came of it. */

import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errno } from '../../../lib/kit/errors.ts'
import { verbs } from '../../../lib/view/verbs.ts'
import type { ScriptedModel } from '../../scripted-model/server.ts'
import { makeSandbox, type Sandbox } from '../../support/sandbox.ts'
import { type Called, callVerb } from '../calling.ts'
import { stubWorker } from '../stub.ts'

export interface Tally {
  calls: number
  /** Verbs. */
  readonly called: Set<string>
  slowest: number
  /** Answers that break the contract, each with what was spoilt. */
  readonly wrong: string[]
  /** How often what was wrong came from the same place. */
  readonly seen: Map<string, number>
  /** Tasks that a list did not show because of others. */
  readonly hidden: string[]
  /** Spoilt files that a reader changed. */
  readonly overwritten: string[]
  /** Runners that met a bug of their own. */
  readonly broken: string[]
  healthy: number
  merged: number
}

export const newTally = (): Tally => ({
  calls: 0,
  called: new Set(),
  slowest: 0,
  wrong: [],
  seen: new Map(),
  hidden: [],
  overwritten: [],
  broken: [],
  healthy: 0,
  merged: 0,
})

export interface Lane {
  readonly box: Sandbox
  readonly tally: Tally
  /** A spec that nothing is wrong with. */
  readonly spec: string
  /**
   * Calls a verb, judges the answer, and notes what is wrong.
   * @param about what was spoilt
   * @param worker the task whose worker calls; default: nobody's
   */
  call(about: string, words: readonly string[], input?: string | Buffer, worker?: string): Promise<Called>
  close(): Promise<void>
}

export async function openLane(
  name: string,
  model: ScriptedModel,
  before: readonly string[],
  tally: Tally,
  say: (line: string) => void,
): Promise<Lane> {
  const box = await makeSandbox({ model })
  // One for all lanes would let a spoilt queue of one lane reach the other: each has its own home.
  box.configure({
    codex: { config: model.codexConfig(), path: stubWorker(box) },
    max_workers: 4,
    attempts: 1,
  })
  await box.commit('configured')
  const spec = box.spec({ title: `A good spec of lane ${name}` }, [])
  return {
    box,
    tally,
    spec,
    close: () => box.close(),
    async call(about, words, input, worker) {
      const env = worker && { ...box.env, DIRIGENT_TASK: worker, DIRIGENT_REPO: box.repo }
      const ran = await callVerb(box, words, {
        before,
        ...(env ? { env } : {}),
        ...(input === undefined ? {} : { input }),
      })
      tally.calls += 1
      tally.called.add(words[0] ?? '')
      tally.slowest = Math.max(tally.slowest, ran.milliseconds)
      if (ran.wrong.length > 0) {
        const line = `${about} · ${words.join(' ').slice(0, 120)}: ${ran.wrong.join('; ').slice(0, 300)}`
        tally.wrong.push(line)
        // Where it was thrown tells one bug from another; of each so many.
        const where = /^\s+at .*$/m.exec(ran.stderr)?.[0] ?? ran.wrong.join()
        const seen = (tally.seen.get(where) ?? 0) + 1
        tally.seen.set(where, seen)
        if (seen <= 2) say(`WRONG ${line}\n${ran.stderr.split('\n').slice(1, 6).join('\n')}`)
      }
      return ran
    },
  }
}

/** How a file stands: what it is and what is in it. */
export function fingerprint(path: string): string {
  try {
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) return `→ ${readlinkSync(path)}`
    if (stat.isDirectory()) return `directory of ${readdirSync(path).sort().join()}`
    if (!stat.isFile()) return `special ${stat.mode}`
    // Of a huge one the size tells enough.
    if (stat.size > 10_000_000) return `${stat.mode} ${stat.size} bytes`
    return `${stat.mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  } catch (error) {
    return `${errno(error)}`
  }
}

/** Healthy tasks beside the bad ones: made, reviewed, landed, stopped and respawned, merged. */
export async function live(lane: Lane, about: string, name: string): Promise<void> {
  const { box, tally } = lane
  const [reviewed, stopped] = [`review-${name}`, `hang-${name}`]
  tally.healthy += 2
  const waitFor = (id: string) =>
    lane.call(about, ['wait', id, '--until', 'settled', '--timeout', '20s', '--json'])
  await lane.call(about, ['spawn', reviewed, '--spec', lane.spec])
  await lane.call(about, ['spawn', stopped, '--spec', lane.spec])
  await waitFor(reviewed)
  await lane.call(about, ['land', reviewed])
  await lane.call(about, ['stop', stopped])
  writeFileSync(join(box.directory, `go-${stopped}`), '')
  await lane.call(about, ['respawn', stopped])
  await waitFor(reviewed)
  await waitFor(stopped)
  for (const id of [reviewed, stopped]) {
    const state = existsSync(join(box.task(id), 'status.json')) ? box.status(id).state : 'gone'
    if (state === 'merged') tally.merged += 1
    else
      tally.wrong.push(
        `${about} · the healthy task ${id} is ${state}: ${existsSync(box.task(id)) && box.status(id).reason}`,
      )
  }
}

const bug = /\b(?:TypeError|RangeError|SyntaxError|ReferenceError|ERR_[A-Z_]+)\b|Error: E[A-Z]+: /

/** What the runners wrote since the last look: an error nobody foresaw is a bug. */
export function runnerBugs(lane: Lane, about: string, from: number): number {
  const path = join(lane.box.state, 'locks', 'runner.log')
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return 0
  const text = readFileSync(path, 'utf8')
  const fresh = text.length >= from ? text.slice(from) : text
  for (const line of fresh.split('\n')) if (bug.test(line)) lane.tally.broken.push(`${about} · ${line}`)
  return text.length
}

/** Ids that `status --json` shows. */
export function shownIds(called: Called): ReadonlySet<string> {
  if (called.exit !== 0 || !called.words.includes('--json')) return new Set()
  const tasks: readonly { id: string }[] = JSON.parse(called.stdout).data.tasks
  return new Set(tasks.map(({ id }) => id))
}

export const isVerb = (words: readonly string[]): boolean => (words[0] ?? '') in verbs
