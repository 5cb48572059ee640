/** Contenders for one lock, and what their log says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root, until } from '../../support/sandbox.ts'
import { type Contender, now, type Way } from './terms.ts'

export interface Stay {
  readonly name: string
  readonly pid: number
  readonly from: number
  /** Milliseconds from asking until it was in. */
  readonly waited: number
  /** Of its ticket; 0 without one. */
  readonly number: number
  /** Infinity: it is still in, or never said that it left. */
  readonly to: number
}

export interface Arena {
  readonly children: ReadonlyMap<string, ChildProcess>
  start(name: string, skew?: number): Promise<void>
  /** Lets those who are ready begin. */
  go(): void
  /** Everything so far. */
  stays(): Stay[]
  /** Who is in now, not killed yet. */
  inside(): Stay | undefined
  /** Kills a contender and remembers when; its stay ended then at the latest. */
  kill(stay: Stay): number
  end(): Promise<Stay[]>
}

let program: Promise<string> | undefined

/** One file, so that sixteen of them start fast. */
async function contenderProgram(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), 'dirigent-contender-')), 'contender.mjs')
  process.once('exit', () => rmSync(join(outfile, '..'), { recursive: true, force: true }))
  await build({
    entryPoints: [join(root, 'test', 'chaos', 'lock', 'contender.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
  return outfile
}

export async function openArena(way: Way, hold: number, places = 1): Promise<Arena> {
  program ??= contenderProgram()
  const file = await program
  const directory = mkdtempSync(join(tmpdir(), 'dirigent-arena-'))
  mkdirSync(join(directory, 'queue'))
  writeFileSync(join(directory, 'log'), '')
  writeFileSync(join(directory, 'file'), '')
  const children = new Map<string, ChildProcess>()
  const killed = new Map<number, number>()
  const stays = () => read(join(directory, 'log'), killed)
  return {
    children,
    stays,
    async start(name, skew = 0) {
      const me: Contender = { directory, name, way, hold, places, skew }
      const child = spawn(process.execPath, [file, JSON.stringify(me)], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      children.set(name, child)
      await until(`${name} to be ready`, () => existsSync(join(directory, `ready-${name}`)))
    },
    go: () => writeFileSync(join(directory, 'go'), ''),
    inside: () => stays().findLast((stay) => stay.to === Infinity && !killed.has(stay.pid)),
    kill(stay) {
      const at = now()
      killed.set(stay.pid, at)
      process.kill(stay.pid, 'SIGKILL')
      return at
    },
    async end() {
      writeFileSync(join(directory, 'stop'), '')
      const living = [...children.values()].filter(
        (child) => child.exitCode === null && child.signalCode === null,
      )
      const late = setTimeout(() => living.map((child) => child.kill('SIGKILL')), 20_000)
      await Promise.all(living.map((child) => new Promise((resolve) => child.once('exit', resolve))))
      clearTimeout(late)
      const all = stays()
      rmSync(directory, { recursive: true, force: true })
      return all
    },
  }
}

/** How many pairs of neighbours in time were in at once. */
export function overlaps(stays: readonly Stay[]): number {
  const sorted = [...stays].sort((a, b) => a.from - b.from)
  let count = 0
  let latest = -Infinity
  for (const stay of sorted) {
    if (stay.from < latest) count += 1
    latest = Math.max(latest, stay.to)
  }
  return count
}

/** How many went in before somebody with a lower number. An empty line begins again at 1. */
export function outOfTurn(stays: readonly Stay[]): number {
  return stays.filter((stay, n) => stay.number !== 1 && stay.number < (stays[n - 1]?.number ?? 0)).length
}

function read(log: string, killed: ReadonlyMap<number, number>): Stay[] {
  const open = new Map<string, Stay>()
  const stays: Stay[] = []
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [what, name = '', pid, at, waited, number] = line.split(' ')
    if (what === 'in') {
      const times = { from: Number(at), waited: Number(waited), to: Infinity }
      open.set(name, { name, pid: Number(pid), number: Number(number), ...times })
    }
    const begun = open.get(name)
    if (what === 'out' && begun) {
      stays.push({ ...begun, to: Number(at) })
      open.delete(name)
    }
  }
  for (const stay of open.values()) stays.push({ ...stay, to: killed.get(stay.pid) ?? Infinity })
  return stays.sort((a, b) => a.from - b.from)
}
