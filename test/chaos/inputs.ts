/**
 * Bad input against every verb: files spoilt in every way in place of each file that is read, and everything
 * that can be typed wrong. Each answer keeps the contract, and the healthy tasks beside go on to merged.
 */
import { existsSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { State } from '../../lib/state/schema/status.ts'
import { startScriptedModel } from '../scripted-model/server.ts'
import { withoutPowers } from './calling.ts'
import { asWorker, type LineCase, lineCases, looks, reads, uncalled, works, writes } from './corpus/calls.ts'
import { allCases, type FileCase, select } from './corpus/cases.ts'
import { makeParent } from './corpus/damage.ts'
import { furnish } from './corpus/good.ts'
import {
  fingerprint,
  type Lane,
  live,
  newTally,
  openLane,
  runnerBugs,
  shownIds,
  type Tally,
} from './corpus/lane.ts'
import { type Play, pick, type Row, randomness, type Scenario } from './scenario.ts'

export const scenario: Scenario = { name: 'inputs', unit: 'bad inputs', short: 10, long: 500, play }

/** Spoilt tasks that one sandbox holds at a time: a list sees all of them at once. */
const mostAtOnce = 40
const lanes = 2
/** A play with fewer bad inputs makes half of the calls for each, in turn: over the run every verb is called. */
const fewRounds = 100

async function play({ rounds, seed, say }: Play): Promise<readonly Row[]> {
  const random = randomness(seed)
  const parts = rounds < fewRounds ? 2 : 1
  const powers = await withoutPowers()
  if (powers === null) say('files of mode 000 are left out: root reads every file, and setpriv is not here')
  const files = select(allCases(powers !== null), Math.ceil(rounds * 0.9), random)
  const typed = [...lineCases()].sort(() => random() - 0.5).slice(0, Math.max(1, Math.floor(rounds * 0.1)))
  const work: ((lane: Lane, n: number) => Promise<void>)[] = [
    ...groups(
      files.filter(({ shared }) => !shared),
      Math.min(mostAtOnce, Math.ceil(rounds / 2)),
    ).map((group) => (lane: Lane, n: number) => ofTasks(lane, `${n}`, group, random, parts)),
    ...groups(
      files.filter(({ shared }) => shared),
      12,
    ).map((group) => (lane: Lane, n: number) => ofAll(lane, `${n}`, group, parts)),
    ...groups(typed, 10).map((group) => (lane: Lane, n: number) => onTheLine(lane, `${n}`, group)),
  ]
  const tally = newTally()
  const model = await startScriptedModel()
  let n = 0
  const lane = async (name: string) => {
    const opened = await openLane(name, model, powers ?? [], tally, say)
    try {
      for (let next = work.shift(); next; next = work.shift()) await next(opened, n++)
    } finally {
      await opened.close()
    }
  }
  try {
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(`${number}`)))
  } finally {
    await model.close()
  }
  for (const [what, list] of Object.entries({
    hidden: tally.hidden,
    overwritten: tally.overwritten,
    broken: tally.broken,
  }))
    for (const line of list.slice(0, 30)) say(`${what}: ${line}`)
  return rowsOf(tally, files.length, typed.length)
}

function rowsOf(tally: Tally, files: number, typed: number): Row[] {
  const none = (what: string, list: readonly string[]): Row => ({
    what,
    figure: list.length === 0 ? '0' : `${list.length}: ${list[0]?.slice(0, 150)}`,
    goal: '0',
    met: list.length === 0,
  })
  return [
    none(
      `${files} bad files and ${typed} bad command lines, ${tally.calls} calls: answers with a stack, a hang, a wrong exit code or JSON`,
      tally.wrong,
    ),
    none('verbs that were not called', uncalled(tally.called)),
    none('tasks hidden by a bad one beside them', tally.hidden),
    none('bad files changed by a verb that only reads', tally.overwritten),
    none('runners that broke down on a bad file', tally.broken),
    {
      what: 'slowest answer',
      figure: `${(tally.slowest / 1000).toFixed(1)} s`,
      goal: '≤ 29 s',
      met: tally.slowest <= 29_000,
    },
    {
      what: 'healthy tasks beside them that were spawned, stopped, landed and merged',
      figure: `${tally.merged} of ${tally.healthy}`,
      goal: 'all',
      met: tally.merged === tally.healthy && tally.healthy > 0,
    },
  ]
}

/** States in which nothing goes on by itself. */
const resting: readonly State[] = ['waiting', 'failed', 'review', 'waiting', 'failed', 'review', 'queued']

/** Many spoilt tasks at once, then each of them by itself. */
async function ofTasks(
  lane: Lane,
  name: string,
  cases: readonly FileCase[],
  random: () => number,
  parts: number,
): Promise<void> {
  const { box, tally } = lane
  const planted = []
  for (const [n, { target, damage, path }] of cases.entries()) {
    const id = `bad-${name}-${n}`
    const state =
      random() < 0.25 && damage.sort !== 'odd'
        ? pick(random, ['running', 'verifying', 'merged'] as const)
        : pick(random, resting)
    const directory = furnish(box, id, state)
    if (target.startsWith('worktree')) await worktreeFor(lane, id)
    const spoilt = path(box, directory)
    makeParent(spoilt)
    await damage.put(spoilt)
    // A patch of an odd record has the id of a sample: it must be the task's own to be read at all.
    if (damage.sort === 'odd' && target === 'status.json') ownId(spoilt, id, box.repo)
    const about = `${target} ${damage.how} (${state})`
    planted.push({
      id,
      spoilt,
      about,
      state,
      rests: ['waiting', 'failed', 'review'].includes(state) && damage.sort !== 'odd',
      was: fingerprint(spoilt),
      missing: fingerprint(directory) === 'ENOENT',
    })
  }
  furnish(box, `healthy-${name}`, 'waiting')
  const about = `${cases.length} bad tasks at once`
  // Before anybody looks: who does takes up those that seem to run.
  for (const [n, { id, about }] of planted.entries())
    for (const [words, input] of part(asWorker, n, parts)) await lane.call(about, words, input, id)
  for (const words of looks) {
    const called = await lane.call(about, words)
    if (words[0] !== 'status' || !words.includes('--json')) continue
    const shown = shownIds(called)
    for (const { id, about, state } of [
      ...planted,
      { id: `healthy-${name}`, about: 'healthy', state: 'waiting' },
    ])
      if (
        !shown.has(id) &&
        state !== 'merged' &&
        !existsGone(join(box.state, 'tasks', id)) &&
        !(words.includes('--all') === false && isOddEnd(about))
      )
        tally.hidden.push(`${id}: ${about} · ${words.join(' ')}: ${called.stdout.slice(0, 100)}`)
  }
  for (const [n, { id, about, rests }] of planted.entries())
    for (const words of part(reads(id, rests), n, parts)) await lane.call(about, words)
  // What a worker said is put among what was read by whoever shows it.
  for (const { spoilt, about, rests, was } of planted)
    if (rests && !about.startsWith('outbox/') && fingerprint(spoilt) !== was)
      tally.overwritten.push(`${about}: ${was} → ${fingerprint(spoilt)}`)
  await live(lane, about, name)
  for (const words of works) await lane.call(about, words)
  for (const [n, { id, about }] of planted.entries()) await change(lane, about, id, n, parts)
  await calm(lane, about)
  for (const { id } of planted) rmSync(join(box.state, 'tasks', id), { recursive: true, force: true })
}

/** Of some calls the n-th part. */
const part = <T>(calls: readonly T[], n: number, parts: number): T[] =>
  calls.filter((_, index) => (index + n) % parts === 0)

/** The last call puts the task away. */
async function change(lane: Lane, about: string, id: string, n: number, parts: number): Promise<void> {
  const calls = writes(id, lane.spec)
  for (const words of [...part(calls.slice(0, -1), n, parts), ...calls.slice(-1)])
    await lane.call(about, words)
}

const existsGone = (path: string) => !existsSync(path)
const isOddEnd = (about: string) => /"state":"merged"/.test(about)

function ownId(path: string, id: string, repo: string): void {
  const text = readFileSync(path, 'utf8')
  const record = JSON.parse(text)
  const own = { ...record, id }
  if (own.workplace) {
    own.workplace.worktree = join(repo, '.orchestrator-state', 'worktrees', id)
    own.workplace.git_dir = join(repo, '.git', 'worktrees', id)
    own.workplace.branch = `dirigent/${id}`
  }
  rmSync(path)
  writeFileSync(path, JSON.stringify(own, null, 2))
}

/** A real worktree, for damage to its `.git`. */
async function worktreeFor({ box }: Lane, id: string): Promise<void> {
  await box.git('worktree', 'add', '--quiet', '-b', `dirigent/${id}`, join(box.state, 'worktrees', id))
}

/** A file that everybody reads is spoilt, every verb is called, and it is put back. */
async function ofAll(lane: Lane, name: string, cases: readonly FileCase[], parts: number): Promise<void> {
  const { box } = lane
  furnish(box, `old-1`, 'merged', join(box.state, 'archive', '2026-01', 'old-1'))
  for (const [n, { target, damage, path }] of cases.entries()) {
    const id = `here-${name}-${n}`
    furnish(box, id, 'waiting')
    const spoilt = path(box, '')
    const aside = join(box.directory, 'aside')
    makeParent(spoilt)
    const was = lstatSync(spoilt, { throwIfNoEntry: false }) !== undefined
    if (was) renameSync(spoilt, aside)
    await damage.put(spoilt)
    const before = fingerprint(spoilt)
    const about = `${target} ${damage.how}`
    for (const words of part([...looks, ...reads(id, true)], n, parts)) await lane.call(about, words)
    for (const [words, input] of part(asWorker, n, parts)) await lane.call(about, words, input, id)
    if (target === 'config.yaml' && fingerprint(spoilt) !== before) lane.tally.overwritten.push(about)
    for (const words of part(works, n, parts)) await lane.call(about, words)
    await change(lane, about, id, n, parts)
    rmSync(spoilt, { recursive: true, force: true })
    if (was) renameSync(aside, spoilt)
    await calm(lane, about)
    rmSync(join(box.state, 'tasks', id), { recursive: true, force: true })
  }
  await live(lane, `after ${cases.length} spoilt shared files`, `all-${name}`)
}

async function onTheLine(lane: Lane, name: string, cases: readonly LineCase[]): Promise<void> {
  const { box } = lane
  furnish(box, 'healthy', 'waiting')
  const file = join(box.directory, 'typed.md')
  for (const { how, calls, put } of cases) {
    await put(file)
    const whole = lstatSync(file, { throwIfNoEntry: false })?.isFile() && lstatSync(file).size < 10_000_000
    for (const words of calls) {
      const input = words.includes('-') && whole ? readable(file) : undefined
      await lane.call(
        how,
        words.map((word) => (word === 'FILE' ? file : word)),
        input,
      )
    }
    rmSync(file, { recursive: true, force: true })
  }
  await calm(lane, 'bad command lines')
  await live(lane, 'after bad command lines', `line-${name}`)
}

function readable(path: string): Buffer {
  return (lstatSync(path).mode & 0o400) === 0 ? Buffer.alloc(0) : readFileSync(path)
}

const logged = new WeakMap<Lane, number>()

/** Until nothing goes on any more. */
async function calm(lane: Lane, about: string): Promise<void> {
  await lane.call(about, ['wait', '--until', 'settled', '--timeout', '20s'])
  logged.set(lane, runnerBugs(lane, about, logged.get(lane) ?? 0))
}

function groups<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size))
}
