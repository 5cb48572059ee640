/** What fails under a verb that was typed right: the disk, git, somebody else at the same file, a mistake of ours. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { plant, refused, run } from '../support/bad-input.ts'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox

beforeAll(async () => {
  box = await makeSandbox()
  plant(box, 'rests')
})
afterAll(() => box.close())

/** The environment with a program before all others of its name. */
function withProgram(name: string, script: string): NodeJS.ProcessEnv {
  const bin = join(box.directory, `instead-${name}-${script.length}`)
  mkdirSync(bin)
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { ...box.env, PATH: `${bin}:${box.env.PATH}` }
}

/** The environment with a disk that answers a sync with what the expression is: no user may make a real one fail. */
function withSync(name: string, error: string): NodeJS.ProcessEnv {
  const path = join(box.directory, `${name}.cjs`)
  writeFileSync(
    path,
    `require('node:fs').fsyncSync = () => { throw ${error} }
     require('node:module').syncBuiltinESMExports()`,
  )
  return { ...box.env, NODE_OPTIONS: `--require=${path}` }
}

const errno = (code: string) => `Object.assign(new Error('${code}: said so'), { code: '${code}', errno: -1 })`

// Seen to fail: the errno left out of diskFailure.
it.each([
  ['ENOSPC', { exit: 3, code: 'disk-full', says: /No space left to write \S+rests/, hint: /df / }],
  ['EIO', { exit: 1, code: 'disk-failed', says: /The disk failed at \S+rests/, hint: /dmesg/ }],
  ['EROFS', { exit: 3, code: 'state-read-only', says: /Cannot write \S+rests/, hint: /writable/ }],
])('a disk that says %s is named, and nothing has changed', async (code, refusal) => {
  const env = withSync(code, errno(code))
  await refused(box, ['send', 'rests', 'Use the other one.'], refusal, { env })
})

// Seen to fail: `refuseKilled` left out of gitTry; the hint of git-failed left out.
it.each([
  ['fails', 'echo fatal: no such luck >&2; exit 128', { exit: 1, code: 'git-failed', says: /no such luck/ }],
  [
    'is killed',
    'kill -9 $$',
    { exit: 1, code: 'program-killed', says: /git for-each-ref was killed by SIGKILL/ },
  ],
])('a git that %s is named, with what it said', async (_, script, refusal) => {
  const spec = box.spec({ title: 'New' }, [])
  await refused(box, ['spawn', 'new', '--spec', spec], refusal, { env: withProgram('git', script) })
})

// Seen to fail: `differs` of lib/state/owner.ts gives null.
it('a task that somebody else has taken meanwhile is left to them', async () => {
  const file = join(plant(box, 'taken'), 'status.json')
  // Whoever asks git while the verb has read the task, and has not written it yet.
  const raise = `sed -i 's/"epoch": *[0-9]*/"epoch":77/' '${file}'; exec env PATH="\${PATH#*:}" git "$@"`
  const env = withProgram('git', raise)
  const spec = box.spec({ title: 'Refined' }, [])
  const ran = await run(box, ['respawn', 'taken', '--spec', spec, '--json'], { env })
  expect([ran.exitCode, JSON.parse(ran.stdout).error]).toMatchObject([
    3,
    { code: 'stale-epoch', retryable: true, hint: expect.stringContaining('dirigent status taken') },
  ])
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ epoch: 77, state: 'waiting' })
})

// Seen to fail: a code of its own in reportError.
it('a mistake of ours is said to be one; where it was made is on stderr', async () => {
  const env = withSync('mistake', `new TypeError('x is not a function')`)
  const ran = await run(box, ['send', 'rests', 'hello', '--json'], { env })
  expect([ran.exitCode, JSON.parse(ran.stdout).error]).toMatchObject([
    1,
    { code: 'bug', message: 'dirigent send met a bug of its own: x is not a function', retryable: false },
  ])
  expect(ran.stderr).toMatch(/TypeError: x is not a function\n +at /)
})
