/**
 * System calls of one process, counted and made to fail by strace. Only the first thread is traced: Dirigent
 * changes files from there alone, and a count is the same from run to run only for one thread.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { errno, reasonOf } from '../../lib/kit/errors.ts'
import { kill } from '../support/tasks.ts'

/** Every call that changes what a disk holds. */
const changing =
  'openat,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,ftruncate,symlink,symlinkat,chmod,fchmod,fchmodat,utimensat,copy_file_range'

export type Harm = 'KILL' | 'EIO' | 'ENOSPC'
export const harms: readonly Harm[] = ['KILL', 'EIO', 'ENOSPC']

/** The n-th call of this name in the process. */
export interface Call {
  readonly name: string
  readonly n: number
  /** What it acts on; the second of two. */
  readonly path: string
  readonly injected: boolean
}

export interface Fault {
  readonly name: string
  readonly n: number
  readonly harm: Harm
}

export interface Traced {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** Those that change something below the place, or were made to fail. */
  readonly calls: readonly Call[]
}

export interface Traceable {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Handed down as descriptor 3. */
  readonly fd?: number
}

/** Runs a program with at most one of its calls made to fail. */
export async function traced(program: Traceable, place: string, fault: Fault | null): Promise<Traced> {
  const directory = mkdtempSync(join(tmpdir(), 'dirigent-trace-'))
  const log = join(directory, 'calls')
  try {
    const ran = await untraced({ ...program, argv: ['strace', ...straceArgs(log, fault), ...program.argv] })
    return { ...ran, calls: callsIn(readFileSync(log, 'utf8'), place) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The same without looking at its calls. */
export async function untraced(program: Traceable): Promise<Traced> {
  const [file = '', ...args] = program.argv
  const child = spawn(file, args, {
    cwd: program.cwd,
    env: program.env,
    stdio: ['ignore', 'pipe', 'pipe', ...(program.fd === undefined ? [] : [program.fd])],
  })
  const [stdout, stderr, exitCode] = await outcome(child)
  return { exitCode, stdout, stderr, calls: [] }
}

/** A write to one of Node's own pipes that fails can make Node wait for ever; it is ended then. */
const longest = 20_000

async function outcome(child: ChildProcess): Promise<[string, string, number | null]> {
  if (!child.stdout || !child.stderr) throw new Error('no pipes')
  // strace passes its end on to nobody: the program is its only child.
  const timer = setTimeout(() => {
    for (const pid of childrenOf(child.pid ?? 0)) kill(pid)
  }, longest)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  clearTimeout(timer)
  return [stdout, stderr, code]
}

function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return list
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}

export function straceArgs(log: string, fault: Fault | null): string[] {
  const name = fault?.name ?? changing
  return ['-y', '-o', log, '-e', `trace=${name}`, ...(fault ? ['-e', injection(fault)] : [])]
}

function injection({ name, n, harm }: Fault): string {
  return `inject=${name}:${harm === 'KILL' ? 'signal=KILL' : `error=${harm}`}:when=${n}`
}

/**
 * What strace wrote, as calls. Those that only read are counted and left out, as are those elsewhere (pipes,
 * what Node does for itself).
 */
export function callsIn(log: string, place: string): Call[] {
  const counts = new Map<string, number>()
  const calls: Call[] = []
  for (const line of log.split('\n')) {
    const match = /^(?:(\d+) +)?(\w+)\(/.exec(line)
    if (!match?.[2]) continue
    const key = `${match[1] ?? ''} ${match[2]}`
    const n = (counts.get(key) ?? 0) + 1
    counts.set(key, n)
    const injected = line.includes('(INJECTED)') || line.endsWith('= ?')
    const path = pathOf(line, place)
    if (injected || (path !== null && isChange(match[2], line)))
      calls.push({ name: match[2], n, path: path ?? '', injected })
  }
  return calls
}

function isChange(name: string, line: string): boolean {
  if (name === 'openat') return /O_(?:CREAT|TRUNC|WRONLY|RDWR)/.test(line)
  // Making a directory that is there changes nothing.
  return !line.includes('= -1 EEXIST')
}

/** The last path of the call that lies below the place, relative to it. */
function pathOf(line: string, place: string): string | null {
  const paths = [...line.matchAll(/[<"](\/[^>"]*)[>"]/g)]
    .map((match) => match[1] ?? '')
    .filter((path) => path.startsWith(`${place}/`))
  // An argument is not a path: only what is written is quoted in a write.
  const path = /^(?:\d+ +)?p?write/.test(line) ? paths[0] : paths.at(-1)
  return path?.slice(place.length + 1) ?? null
}

/** Why nothing can be traced here; null when it can. */
export function cannotTrace(): string | null {
  const args = [...straceArgs('/dev/null', { name: 'fsync', n: 99, harm: 'EIO' }), 'true']
  try {
    execFileSync('strace', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
    return null
  } catch (error) {
    if (errno(error) === 'ENOENT') return 'strace is not installed'
    return `strace may not trace here: ${reasonOf(error).split('\n').slice(0, 2).join(' ')}`
  }
}
