/** Seen to fail: `isLeft` always false, always true; without `killAll`. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ourselves } from '../../lib/kit/pid.ts'
import { sweepRuns } from './run-directory.ts'

it('what a killed run has left is removed by the next one, with the processes that have outlived it', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'dirigent-runs-'))
  const run = (name: string, owner?: object) => {
    const directory = join(parent, `dirigent-run-${name}`)
    mkdirSync(join(directory, 'dirigent-test-a'), { recursive: true })
    if (owner) writeFileSync(join(directory, '.owner.json'), JSON.stringify(owner))
    return directory
  }
  const gone = run('gone', { ...ourselves(), pid: spawnSync('true').pid })
  const live = run('live', ourselves())
  const elsewhere = run('elsewhere', { ...ourselves(), boot: 'another' })
  const begun = run('begun')
  const old = run('old')
  const yesterday = Date.now() / 1000 - 2 * 86_400
  utimesSync(old, yesterday, yesterday)
  const left = spawn('sleep', ['1000'], { env: { PATH: process.env.PATH, HOME: gone } })
  const ended = once(left, 'exit')

  await sweepRuns(parent)
  expect([gone, live, elsewhere, begun, old].map(existsSync)).toEqual([false, true, true, true, false])
  expect(await ended).toEqual([null, 'SIGKILL'])
  rmSync(parent, { recursive: true })
})
