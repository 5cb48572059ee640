/**
 * What real verbs answered and why attempts of real tasks failed, all through a run of the tests: every process
 * that plays tests writes down what it meets, and test/last/met.test.ts, played after all others, reads it.
 */
import { appendFileSync, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../../lib/kit/read.ts'

/** The answer of a verb that failed. */
export interface MetError {
  readonly kind: 'error'
  readonly verb: string
  readonly exit: number
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly next: readonly string[]
}

type Met = MetError | { readonly kind: 'failure'; readonly class: string }

/** Set for a run of the tests by met-setup.ts; where it is not (a benchmark, the demo), nothing is written. */
export const metVariable = 'DIRIGENT_TEST_MET'

function note(met: readonly Met[]): void {
  const directory = process.env[metVariable]
  if (!directory || met.length === 0) return
  const lines = met.map((one) => `${JSON.stringify(one)}\n`).join('')
  appendFileSync(join(directory, `${process.pid}.jsonl`), lines)
}

/** Everything that was written down so far. */
export function allMet(directory: string): Met[] {
  return readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  )
}

/** What a verb answered: an envelope on stdout, or lines on stderr. */
export function noteAnswer(verb: string, exit: number, stdout: string, stderr: string): void {
  // Below 0: it was killed, whatever it had said.
  if (exit <= 0) return
  // What `build` runs may say anything on stderr.
  const lines = verb === 'build' ? '' : stderr
  const error = stdout.startsWith('{"v":1,"ok":false,') ? inEnvelope(stdout) : inLines(lines)
  if (error) note([{ kind: 'error', verb, exit, ...error }])
}

type Said = Omit<MetError, 'kind' | 'verb' | 'exit'>

function inEnvelope(stdout: string): Said {
  const { error, next } = JSON.parse(stdout)
  return { code: error.code, message: error.message, hint: error.hint, next }
}

function inLines(stderr: string): Said | null {
  const [, code, rest] = /^error: ([a-z-]+): (.*)$/ms.exec(stderr) ?? []
  if (!code || rest === undefined) return null
  const lines = rest.trimEnd().split('\n')
  const next = lines.filter((line) => line.startsWith('next: ')).map((line) => line.slice(6))
  const [message = '', ...hint] = lines.filter((line) => !line.startsWith('next: '))
  return { code, message, hint: hint.join('\n'), next }
}

/** Why a task's last attempt failed, as its status.json has it now: gone when the next one succeeds. */
export function noteFailure(task: string): void {
  if (isPlayed(task)) noteClasses([join(task, 'status.json')])
}

/** Why attempts failed that are on record in a state directory, before it is removed. */
export function noteFailures(state: string): void {
  const months = namesIn(join(state, 'archive')).map((month) => join(state, 'archive', month))
  const tasks = [join(state, 'tasks'), ...months].flatMap((at) => namesIn(at).map((id) => join(at, id)))
  for (const task of tasks.filter(isPlayed))
    noteClasses([join(task, 'status.json'), ...attemptsOf(task).map((attempt) => join(attempt, 'exit.json'))])
}

/** A worker was started, or its worktree set up: a task that a test put there as files has no output of either. */
const isPlayed = (task: string): boolean =>
  attemptsOf(task).some((attempt) =>
    ['worker.jsonl', 'setup.log'].some((name) => existsSync(join(attempt, name))),
  )

const attemptsOf = (task: string): string[] =>
  namesIn(join(task, 'log')).flatMap((name) => (name.startsWith('attempt-') ? [join(task, 'log', name)] : []))

/** Those that this process has noted. */
const noted = new Set<string>()

function noteClasses(files: readonly string[]): void {
  const found = files.flatMap(
    (file) => /"failure":\s*\{\s*"class":\s*"([a-z-]+)"/.exec(contentOf(file))?.[1] ?? [],
  )
  const fresh = found.filter((one) => !noted.has(one))
  for (const one of fresh) noted.add(one)
  note([...new Set(fresh)].map((one) => ({ kind: 'failure', class: one })))
}

/** Tests put anything in the place of a file. */
const contentOf = (path: string): string =>
  lstatSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : ''
