/**
 * Power cuts: writers say of each write when it is done, the disk under them loses its power without a flush,
 * comes back and replays its journal. What was said to be done is there, and nothing is torn. The same with
 * plain files that are renamed and not synced is the baseline: it must lose something, or nothing was proved.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '../../lib/kit/errors.ts'
import { isTemporaryName } from '../../lib/kit/files.ts'
import { lookAt } from '../../lib/kit/read.ts'
import { statePaths, type TaskPaths } from '../../lib/state/paths.ts'
import { readRecord } from '../../lib/state/record.ts'
import { status as schema } from '../../lib/state/schema/status.ts'
import { root } from '../support/sandbox.ts'
import { type LoopDisk, loopDisk, whyNot } from './disk.ts'
import { event, spec } from './power-records.ts'
import { randomness, type Scenario } from './scenario.ts'

const cutDisk = () => {
  const disk = loopDisk(64)
  try {
    disk.cut()
  } catch (error) {
    disk.close()
    throw error
  }
  return disk
}

/** So many cuts are enough to see plain files lose something. */
const few = 6

export const scenario: Scenario = {
  name: 'power',
  unit: 'power cuts',
  short: 16,
  long: 100,
  impossible: () => whyNot(cutDisk),
  async play({ rounds, seed, say }) {
    const ours = await cuts('lib', rounds, seed, say)
    const plain = await cuts('plain', Math.min(rounds, few), seed, say)
    return [
      {
        what: 'power cuts',
        figure: `${rounds}: ${told(ours)}`,
        baseline: `renamed, not synced, ${Math.min(rounds, few)}: ${told(plain)}`,
        goal: '0 lost, 0 torn; the baseline loses some',
        met: ours.lost + ours.torn === 0 && ours.said > 0 && plain.lost + plain.torn > 0,
      },
    ]
  },
}

interface Tally {
  said: number
  lost: number
  torn: number
}

const told = ({ said, lost, torn }: Tally) => `${said} acknowledged, ${lost} lost, ${torn} torn`

async function cuts(
  way: 'lib' | 'plain',
  rounds: number,
  seed: number,
  say: (line: string) => void,
): Promise<Tally> {
  const random = randomness(seed)
  const sum: Tally = { said: 0, lost: 0, torn: 0 }
  const directory = mkdtempSync(join(tmpdir(), 'dirigent-power-'))
  const said = join(directory, 'said')
  const disk = loopDisk(64)
  const program = ['--import', 'tsx', join(root, 'test', 'chaos', 'power-writer.ts'), way, said]
  const writer = spawn(process.execPath, program, { cwd: root, stdio: ['pipe', 'inherit', 'inherit'] })
  try {
    for (let round = 1; round <= rounds; round++) {
      const lines = await oneCut(disk, round, writer.stdin, said, 1 + Math.floor(random() * 120))
      const repo = join(disk.mount, `r-${round}`)
      const seen = judge(lines, repo)
      sum.said += lines.length
      sum.lost += seen.lost.length
      sum.torn += seen.torn.length
      for (const what of [...seen.lost, ...seen.torn].slice(0, way === 'lib' ? 5 : 0))
        say(`cut ${round}, after ${lines.length} writes: ${what}`)
      rmSync(repo, { recursive: true, force: true })
    }
  } finally {
    writer.kill('SIGKILL')
    disk.close()
    rmSync(directory, { recursive: true, force: true })
  }
  return sum
}

/** Lets so many writes be done, pulls the plug, plugs it in again; gives what had been said to be done before. */
async function oneCut(
  disk: LoopDisk,
  round: number,
  writer: NodeJS.WritableStream,
  said: string,
  enough: number,
): Promise<string[]> {
  const before = heard(said).length
  const repo = join(disk.mount, `r-${round}`)
  mkdirSync(repo)
  writer.write(`${repo}\n`)
  const giveUp = Date.now() + 60_000
  const waitFor = async (what: string, done: (lines: string[]) => boolean) => {
    while (!done(heard(said).slice(before))) {
      if (Date.now() > giveUp) throw new Error(`${what}: ${heard(said).slice(before).slice(-3).join('; ')}`)
      await delay(1)
    }
  }
  await waitFor('too few writes', (lines) => lines.length >= enough)
  // What is said while the plug is being pulled counts for nothing: a machine without power says it to nobody, and
  // here the kernel can call a sync done that it was just giving up.
  const promised = heard(said).slice(before)
  disk.cut()
  await waitFor('the writer goes on', (lines) => lines.includes('over'))
  disk.again()
  const trouble = heard(said)
    .slice(before)
    .find((line) => line.startsWith('trouble'))
  if (trouble) throw new Error(trouble)
  return promised
}

function heard(said: string): string[] {
  const bytes = lookAt(said) ? readFileSync(said, 'utf8') : ''
  return bytes.split('\n').slice(0, -1)
}

/** What was said to be done and is not there, and what is there in part. */
function judge(lines: readonly string[], repo: string): { lost: string[]; torn: string[] } {
  const lost: string[] = []
  const torn: string[] = []
  const paths = statePaths(repo)
  const home = paths.task('home')
  const look = (what: string, whole: () => boolean | undefined) => {
    try {
      const found = whole()
      if (found === undefined) return lost.push(what)
      return found || torn.push(what)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return torn.push(`${what}: ${error.message}`)
    }
  }
  const trail = new Set((text(home.trail) ?? '').split('\n'))
  const newest = Math.max(0, ...lines.filter((line) => line.startsWith('record ')).map(numberOf))
  for (const line of lines) {
    const n = numberOf(line)
    if (line.startsWith('message ')) look(line, () => sameText(join(home.inbox, `${n}.md`), spec(n)))
    else if (line.startsWith('trail ')) look(line, () => trail.has(JSON.stringify(event(n))) || undefined)
    else if (line.startsWith('task ')) look(line, () => isWhole(paths.task(`t-${n}`), n))
  }
  if (newest > 0)
    look(`record ${newest}`, () => {
      const there = readRecord(home.status, schema)
      return there && there.spec_revision >= newest ? true : undefined
    })
  // What was not said to be done may be there or not, but not in part.
  const also = lookAt(paths.tasks) ? readdirSync(paths.tasks) : []
  for (const name of also.filter((entry) => /^t-\d+$/.test(entry) && !isTemporaryName(entry)))
    if (!lines.includes(`task ${name.slice(2)}`))
      look(`unsaid ${name}`, () => isWhole(paths.task(name), Number(name.slice(2))) ?? false)
  return { lost, torn }
}

const numberOf = (line: string): number => Number(line.split(' ')[1])

function isWhole(task: TaskPaths, n: number): boolean | undefined {
  if (!lookAt(task.directory)) return undefined
  return readRecord(task.status, schema)?.spec_revision === n && sameText(task.spec, spec(n)) === true
}

const sameText = (path: string, wanted: string): boolean | undefined => {
  const there = text(path)
  return there === undefined ? undefined : there === wanted
}

const text = (path: string): string | undefined => (lookAt(path) ? readFileSync(path, 'utf8') : undefined)
