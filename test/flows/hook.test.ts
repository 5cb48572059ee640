/**
 * The hook that looks at commands, as codex calls it: silent for what is light, a command in its turn for what
 * the shims would not see, and never a word or an exit code but 0 when something is wrong with it.
 *
 * Seen to fail: `quoted` that does not close its quote; without `exit 0`; `: >"$2"` outside of a subshell (dash
 * ends with 2, which forbids the command); a word boundary in `namesPattern` that the n of `\n` takes part in;
 * every heavy command rewritten.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openContext } from '../../lib/flows/context.ts'
import { takesTurn } from '../../lib/flows/hook.ts'
import { shimSet } from '../../lib/flows/runner/shims.ts'
import type { ShimPaths } from '../../lib/state/paths.ts'
import { randomness } from '../chaos/scenario.ts'
import { makeSandbox, root, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox
let set: ShimPaths
let mark: string
beforeAll(async () => {
  box = await makeSandbox()
  const made = shimSet(await openContext(box.repo))
  if (!made) throw new Error('no set was made')
  set = made
  mark = join(box.directory, 'mark')
  // The hook starts this; it says that it was.
  unlinkSync(set.node)
  writeFileSync(set.node, `#!/bin/sh\ntouch ${box.directory}/started\nexec '${process.execPath}' "$@"\n`, {
    mode: 0o755,
  })
})
afterAll(async () => {
  await box.close()
})

const callOf = (command: string, more = {}) =>
  JSON.stringify({
    session_id: '01a1f753',
    cwd: '/home/me/make/npm',
    tool_name: 'Bash',
    tool_input: { command },
    tool_use_id: 'call_1',
    ...more,
  })

/** What the hook says, and whether it had to start anything to know. */
async function ask(call: string, words = [set.directory, mark, box.repo]) {
  const ran = await execa(join(root, 'bin', 'worker', 'hooks', 'pre-tool-use'), words, {
    cwd: '/',
    env: box.env,
    extendEnv: false,
    reject: false,
    input: call,
  })
  const started = existsSync(join(box.directory, 'started'))
  rmSync(join(box.directory, 'started'), { force: true })
  return { said: ran.stdout, complained: ran.stderr, exitCode: ran.exitCode, started }
}
const nothing = { said: '', complained: '', exitCode: 0 }
const rewritten = (command: string) =>
  JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'allow',
      updatedInput: { command },
    },
  })

it('says nothing about a command without the name of a heavy program, and starts nothing', async () => {
  for (const command of ['git status', 'echo "maker npmx"', 'cat package.json', 'ls go-on', ''])
    expect(await ask(callOf(command)), command).toEqual({ ...nothing, started: false })
})

it('says nothing about what is light, or what the shims will see', async () => {
  for (const command of ['echo make', 'npm --version', 'npm test', 'cd sub && npm test | tail -1'])
    expect(await ask(callOf(command)), command).toEqual({ ...nothing, started: true })
})

it('makes what passes the shims by take its turn, the whole line', async () => {
  for (const command of [
    '/usr/bin/npm test',
    "bash -lc 'npm test' | tail",
    'cd x\n/usr/bin/make\n',
    'PATH=/x\nmake all',
  ])
    expect(await ask(callOf(command)), command).toEqual({
      ...nothing,
      said: rewritten(takesTurn(command)),
      started: true,
    })
  expect(takesTurn('/usr/bin/npm test')).toBe(
    `DIRIGENT_BUILD_BY=hook dirigent build --repo "$DIRIGENT_REPO" -- /bin/bash -c '/usr/bin/npm test'`,
  )
})

it('leaves its mark, and what was there already alone', async () => {
  rmSync(mark, { force: true })
  await ask(callOf('true'))
  expect(readFileSync(mark, 'utf8')).toBe('')
  writeFileSync(mark, 'kept')
  await ask(callOf('true'))
  expect(readFileSync(mark, 'utf8')).toBe('kept')
})

it('forbids nothing and says nothing when something is wrong', async () => {
  const heavy = callOf('/usr/bin/npm test')
  for (const [what, ran] of Object.entries({
    garbage: await ask('\u0000{"tool_input" /usr/bin/npm test'),
    'an empty call': await ask(''),
    'another tool': await ask(callOf('/usr/bin/npm test', { tool_name: 'apply_patch' })),
    'a call without a command': await ask('{"tool_name":"Bash","tool_input":{"x":"/usr/bin/npm test"}}'),
    'no set of shims': await ask(heavy, ['/nowhere', mark, box.repo]),
    'no repository': await ask(heavy, [set.directory, mark, '/']),
    'no place for the mark': await ask(callOf('ls'), [set.directory, '/nowhere/mark', box.repo]),
    'no words': await ask(heavy, []),
  }))
    expect(ran, what).toMatchObject(nothing)
  box.configure({ build: { shim: 'nonsense' } })
  expect(await ask(heavy)).toMatchObject(nothing)
  box.configure({})
  const whole = `/usr/bin/npm test; ${"'".repeat(60_000)}`
  expect(await ask(callOf(whole))).toMatchObject(nothing)
})

it('gives the shell exactly the command that there was, whatever is in it', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  console.info(`commands: SEED=${seed}`)
  const random = randomness(seed)
  const fake = join(box.directory, 'fake')
  mkdirSync(fake)
  // The words after -- come out as they went in.
  writeFileSync(join(fake, 'dirigent'), '#!/bin/sh\nshift 6\nprintf %s "$1"\n', { mode: 0o755 })
  symlinkSync('/bin/bash', join(fake, 'bash'))
  const everything = Array.from({ length: 0x24f }, (_, code) => String.fromCharCode(code + 1)).join('')
  const odd = [
    "'",
    '"',
    '\\',
    '\n',
    '$',
    '`',
    '!',
    ' ',
    '*',
    '(',
    '#',
    'é',
    '😀',
    '\u0001',
    '\r',
    "''",
    "\\'",
  ]
  const commands = [
    everything,
    ...Array.from({ length: 20 }, () =>
      Array.from({ length: Math.floor(random() * 30) }, () => odd[Math.floor(random() * odd.length)]).join(
        '',
      ),
    ),
  ]
  for (const command of commands) {
    const ran = await execa('/bin/bash', ['-c', takesTurn(command)], {
      env: { PATH: `${fake}:${process.env.PATH}`, DIRIGENT_REPO: '/a b' },
      extendEnv: false,
      stripFinalNewline: false,
    })
    expect(ran.stdout).toBe(command)
  }
})
