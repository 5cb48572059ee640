/** What tests of whole tasks ask again and again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findMarked } from '../../lib/kit/sweep.ts'
import { markerName } from '../../lib/rules/environment.ts'
import { inTask, type Sandbox } from './sandbox.ts'

/** Spawns a task; gives its id. Throws what the verb said when it was refused. */
export async function spawnTask(
  box: Sandbox,
  id: string,
  front: Readonly<Record<string, unknown>>,
  steps: unknown,
  text?: string,
): Promise<string> {
  const ran = await box.json('spawn', id, '--spec', box.spec({ title: id, ...front }, steps, text))
  if (ran.exitCode !== 0) throw new Error(`spawn ${id}: ${ran.stdout}${ran.stderr}`)
  return id
}

/** Waits until nothing of these tasks goes on by itself; gives the first one's status. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
export async function settled(box: Sandbox, ...ids: string[]): Promise<any> {
  const ran = await box.json('wait', ...ids, '--until', 'settled', '--timeout', '60s')
  if (ran.exitCode !== 0) throw new Error(`wait ${ids.join(' ')}: ${ran.stdout}${ran.stderr}`)
  for (const id of ids) {
    const { state, change } = box.status(id)
    // Where a test expects something else, this is why.
    if (state === 'landing') console.info(`${id} waits to land: ${change?.note}`)
  }
  return ids[0] && box.status(ids[0])
}

/** A file of one attempt's log. */
export function attemptFile(box: Sandbox, id: string, n: number, name: string): string {
  const attempt = join('log', `attempt-${String(n).padStart(3, '0')}`, name)
  return inTask(box, id, (directory) => readFileSync(join(directory, attempt), 'utf8'))
}

// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
export const exitOf = (box: Sandbox, id: string, n: number): any =>
  JSON.parse(attemptFile(box, id, n, 'exit.json'))

// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
export function trailOf(box: Sandbox, id: string): any[] {
  return inTask(box, id, (directory) => readFileSync(join(directory, 'log', 'events.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Messages of main's commits (trailers included), newest first, those of one task. */
export async function landed(box: Sandbox, id: string, branch = 'main'): Promise<string[]> {
  const out = await box.git('log', '--format=%B%x00', `--grep=^Dirigent-Task: ${id}$`, branch)
  return out
    .split('\0')
    .map((message) => message.trim())
    .filter((message) => message !== '')
}

/**
 * Pids of the runner processes of a task, by their command line: also one that has written nothing yet. (No
 * test gives a verb --repo.)
 */
export function runnersOf(box: Sandbox, id: string): number[] {
  const wanted = `\0${id}\0--repo\0${box.repo}\0`
  return pids().filter((pid) => cmdline(pid).includes(wanted))
}

/** Pids of the supervisors that verbs have started here. */
export function supervisorsOf(box: Sandbox): number[] {
  return pids().filter(
    (pid) =>
      /\/supervise\.cjs\0|\0supervise\0/.test(cmdline(pid)) &&
      cmdline(pid).endsWith(`\0--repo\0${box.repo}\0`),
  )
}

/** Pids of everything that carries the marker of any attempt of the task: the worker and what it started. */
export function workersOf(box: Sandbox, id: string): number[] {
  const attempts = existsSync(box.task(id)) ? box.status(id).attempt : 0
  const directory = join(box.state, 'tasks', id)
  return Array.from({ length: attempts }, (_, n) => findMarked(markerName, `${directory}#${n + 1}`)).flat()
}

export function kill(...pids: (number | undefined)[]): void {
  for (const pid of pids) {
    if (pid === undefined) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** Its words, each ended by a NUL; empty for one that has ended. */
export function cmdline(pid: number): string {
  const path = `/proc/${pid}/cmdline`
  // It may end between the two calls; a vanished process is nobody's runner.
  if (!existsSync(path)) return ''
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code)))
      return ''
    throw error
  }
}
