/** What tests of bad input ask again and again: one clear error, in both forms, and nothing changed. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { Settings } from '../../lib/state/schema/status.ts'
import { noteAnswer } from './met.ts'
import { statusWith } from './records.ts'
import { root, type Sandbox } from './sandbox.ts'

export interface Refusal {
  readonly exit: number
  readonly code: string
  /** What the message and the hint must say: what, where, what to type. */
  readonly says: RegExp
  readonly hint?: RegExp
}

export interface Call {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string | Buffer
  /** A program and arguments before the verb. */
  readonly before?: readonly string[]
  /** A copy of the project to run; default: this one. */
  readonly project?: string
}

/** Runs a verb as text and as JSON: the same refusal both times, no stack, and the sandbox is as it was. */
export async function refused(
  box: Sandbox,
  words: readonly string[],
  refusal: Refusal,
  call: Call = {},
): Promise<void> {
  const before = listing(box.directory)
  const [text, json] = await Promise.all([run(box, words, call), run(box, [...words, '--json'], call)])
  expect({ exit: text.exitCode, stderr: text.stderr, stdout: text.stdout }).toEqual({
    exit: refusal.exit,
    stderr: expect.stringMatching(new RegExp(`^error: ${refusal.code}: `)),
    stdout: '',
  })
  expect(text.stderr).toMatch(refusal.says)
  if (refusal.hint) expect(text.stderr).toMatch(refusal.hint)
  expect(text.stderr.split('\n').length).toBeGreaterThan(1)
  expect(text.stderr.split('\n').length).toBeLessThan(6)
  expect(text.stderr).not.toMatch(/^\s+at /m)
  // A command that the hint ends with is not told twice.
  expect(text.stderr).not.toMatch(/(dirigent .+)\nnext: \1$/m)
  expect({ exit: json.exitCode, stderr: json.stderr }).toEqual({ exit: refusal.exit, stderr: '' })
  const envelope = JSON.parse(json.stdout)
  expect(envelope).toEqual({
    v: 1,
    ok: false,
    error: {
      code: refusal.code,
      message: expect.stringMatching(refusal.says),
      hint: expect.stringMatching(refusal.hint ?? /\S/),
      retryable: expect.any(Boolean),
    },
    next: expect.any(Array),
  })
  expect(listing(box.directory)).toEqual(before)
}

export async function run(box: Sandbox, words: readonly string[], call: Call = {}) {
  const [verb = '', ...rest] = words
  const program = [join(call.project ?? root, 'bin', 'dirigent'), verb, ...rest]
  const [file = '', ...args] = [...(call.before ?? []), ...program]
  const ran = await execa(file, args, {
    cwd: call.cwd ?? box.repo,
    env: call.env ?? box.env,
    extendEnv: false,
    reject: false,
    timeout: 30_000,
    ...(call.input === undefined ? { stdin: 'ignore' as const } : { input: call.input }),
  })
  noteAnswer(verb, ran.exitCode ?? -1, ran.stdout, ran.stderr)
  return ran
}

/**
 * Every file below a directory with its content: the repository, its refs and worktrees (they are files in
 * .git), the state. Left out is what may come and go: the parsed form of the configuration.
 */
export function listing(directory: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(join(directory, below)).sort()) {
    const path = join(below, name)
    if (path.endsWith(join('locks', 'config.json'))) continue
    const stat = lstatSync(join(directory, path))
    if (stat.isDirectory()) Object.assign(found, { [`${path}/`]: 'directory' }, listing(directory, path))
    else if (stat.isSymbolicLink()) found[path] = `→ ${readlinkSync(join(directory, path))}`
    else if (stat.isFile()) found[path] = digest(join(directory, path), stat.mode)
    else found[path] = 'special'
  }
  return found
}

function digest(path: string, mode: number): string {
  return `${(mode & 0o777).toString(8)} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)}`
}

/** Puts a task that rests into the state directory, as if it had been spawned and stopped. */
export function plant(
  box: Sandbox,
  id: string,
  patch: Readonly<Record<string, unknown>> = {},
  spec = 'Do it.\n',
): string {
  const directory = join(box.state, 'tasks', id)
  for (const name of ['inbox/seen', 'outbox/seen', 'log'])
    mkdirSync(join(directory, name), { recursive: true })
  const { settings, ...rest } = patch
  const status = statusWith(id, {
    title: `The task ${id}`,
    state: 'waiting',
    reason: 'stopped by a test',
    spec_sha256: createHash('sha256').update(spec).digest('hex'),
    settings: (settings ?? {}) as Partial<Settings>,
  })
  writeFileSync(join(directory, 'status.json'), JSON.stringify({ ...status, ...rest }))
  writeFileSync(join(directory, 'spec.md'), spec)
  writeFileSync(join(directory, 'run.lock'), '')
  return directory
}
