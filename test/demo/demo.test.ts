import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, expect, it } from 'vitest'
import { findMarked } from '../../lib/kit/sweep.ts'
import { root, until } from '../support/sandbox.ts'
import { markerName } from './place.ts'

// Everything the demo makes is below its TMPDIR.
const scratch = mkdtempSync(join(tmpdir(), 'dirigent-demo-test-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))

function demo(name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const own = mkdtempSync(join(scratch, `${name}-`))
  const child = execa('npm', ['run', '--silent', 'demo', '--', ...args], {
    cwd: root,
    env: { TMPDIR: own, ...env },
    reject: false,
    all: true,
    stdin: 'ignore',
    // A group of its own, to be interrupted as a terminal does it: all of it at once.
    detached: true,
  })
  const made = () => readdirSync(own).filter((entry) => entry.startsWith('dirigent-demo-'))
  return { child, place: () => join(own, made()[0] ?? ''), made }
}

it('shows four tasks to their end, and leaves a directory to look into and no process', async () => {
  // Settings of a person that must not matter.
  const { child, place } = demo('whole', [], {
    NODE_OPTIONS: '--no-warnings',
    GIT_DIR: '/nowhere',
    HTTP_PROXY: 'http://127.0.0.1:9',
    DIRIGENT_TASK: 'other',
  })
  const { exitCode, all } = await child
  expect(exitCode, all).toBe(0)
  expect(all).toContain('again after check-failed')
  expect(all).toMatch(/roman-numerals +worker: codex gpt-5\.5 started$/m)
  expect(all).toContain('headings waits: needs roman-numerals')
  expect(all.match(/\bmerged \d+ s ago\b/g)).toHaveLength(3)
  expect(all).toMatch(/Dirigent-Task: roman-numerals\n {2}Dirigent-Attempt: 2\n {2}Worker: codex gpt-5\.5/)
  expect(all).toContain(`rm -rf ${place()}`)
  expect(existsSync(join(place(), 'repo', '.orchestrator-state', 'archive'))).toBe(true)
  expect(findMarked(markerName, place())).toEqual([])
})

it('ends what it started when it is interrupted, and says where to look', async () => {
  const { child, made, place } = demo('cut')
  const stream = 'repo/.orchestrator-state/tasks/slugs/log/attempt-001/worker.jsonl'
  await until('a worker of the demo', () => made().length > 0 && existsSync(join(place(), stream)))
  process.kill(-(child.pid ?? 0), 'SIGINT')
  const { exitCode, signal, all } = await child
  expect(exitCode ?? signal).not.toBe(0)
  expect(all).toContain('it was interrupted')
  expect(all).toContain(`--repo ${place()}`)
  expect(findMarked(markerName, place())).toEqual([])
})

it('with --live and without a login it makes nothing and says what to do', async () => {
  const { child, made } = demo('live', ['--live'], { HOME: scratch, CODEX_HOME: '', CODEX_API_KEY: '' })
  const { exitCode, all } = await child
  expect(exitCode).toBe(1)
  expect(all).toContain('codex login')
  expect(made()).toEqual([])
})
