/** `build`: a command under the build lock. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { makeSandbox, root, runVerb, type Sandbox, until } from '../support/sandbox.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox()
})
afterAll(async () => {
  await box.close()
})

const build = (...words: string[]) =>
  execa(join(root, 'bin', 'build'), words, { cwd: box.repo, env: box.env, extendEnv: false, reject: false })

// A test that fails while it holds the lock must not hold up the others.
const releases: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(releases.splice(0).map((release) => release()))
})

/** Takes the lock until `release` is called. */
async function occupy(name: string): Promise<{ release: () => Promise<unknown> }> {
  const gate = join(box.directory, name)
  const held = build('--', 'sh', '-c', `echo has it; until test -e '${gate}'; do sleep 0.02; done`)
  const release = () => {
    writeFileSync(gate, '')
    return held
  }
  releases.push(release)
  let out = ''
  held.stdout.on('data', (chunk) => {
    out += chunk
  })
  await until('the holder to have the lock', () => out.includes('has it'))
  return { release }
}

it('ends with the command’s exit code and lets its output, its input and its directory through', async () => {
  const ran = await execa(
    join(root, 'bin', 'build'),
    ['--', 'sh', '-c', 'cat; pwd; echo oops >&2; exit 42'],
    {
      cwd: join(box.repo, '.orchestrator-state'),
      env: box.env,
      extendEnv: false,
      reject: false,
      input: 'given\n',
    },
  )
  expect([ran.exitCode, ran.stdout, ran.stderr]).toEqual([42, `given\n${box.state}`, 'oops'])
  expect((await build('--', 'sh', '-c', 'kill -TERM $$')).exitCode).toBe(128 + 15)
})

it('leaves the command its own words, with and without --', async () => {
  for (const words of [
    ['printf', '%s|', '--json', '-h', '--timeout', '3', '--', 'x'],
    ['--', 'printf', '%s|', '--json', '-h', '--timeout', '3', '--', 'x'],
    ['--timeout', '5s', 'printf', '%s|', '--json', '-h', '--timeout', '3', '--', 'x'],
    [
      `--repo=${box.repo}`,
      '--timeout=5s',
      '--',
      'printf',
      '%s|',
      '--json',
      '-h',
      '--timeout',
      '3',
      '--',
      'x',
    ],
  ])
    expect((await build(...words)).stdout).toBe('--json|-h|--timeout|3|--|x|')
})

it('--json answers on stdout and lets the command’s output go to stderr', async () => {
  const ran = await build('--json', '--', 'sh', '-c', 'echo out; exit 3')
  expect([ran.exitCode, ran.stderr, JSON.parse(ran.stdout)]).toEqual([
    3,
    'out',
    { v: 1, ok: true, data: { exit_code: 3, waited_for: null }, next: [] },
  ])
})

it('streams: what the command prints is there before it ends', async () => {
  const gate = join(box.directory, 'streamed')
  const running = build(
    '--',
    'sh',
    '-c',
    `echo first; until test -e '${gate}'; do sleep 0.02; done; echo last`,
  )
  let out = ''
  running.stdout.on('data', (chunk) => {
    out += chunk
  })
  await until('the first line', () => out === 'first\n')
  writeFileSync(gate, '')
  expect((await running).stdout).toBe('first\nlast')
})

it('waits its turn, says who holds the lock, and never runs beside another', async () => {
  const holder = await occupy('gate-1')
  const next = build('--', 'sh', '-c', 'echo mine')
  let said = ''
  next.stderr.on('data', (chunk) => {
    said += chunk
  })
  await until('the banner', () => said !== '')
  expect(said).toMatch(
    /^waiting for the build lock: 1st of 1; held by a person \(sh -c .*has it.*, \d+ s\)\n$/,
  )
  expect(next.exitCode).toBeNull()
  await holder.release()
  expect([(await next).exitCode, (await next).stdout]).toEqual([0, 'mine'])
  const log = join(box.directory, 'order')
  const step = `echo in >> '${log}'; sleep 0.05; echo out >> '${log}'`
  await Promise.all([1, 2, 3].map(() => build('--', 'sh', '-c', step)))
  expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(3))
})

it('--timeout ends with 7 when the turn did not come, without running the command', async () => {
  const holder = await occupy('gate-2')
  const touched = join(box.directory, 'touched')
  const text = await build('--timeout', '100ms', '--', 'touch', touched)
  expect([text.exitCode, text.stdout]).toEqual([
    7,
    expect.stringMatching(/not run\nnext: dirigent build -- touch /),
  ])
  const json = await build('--timeout', '0', '--json', '--', 'touch', touched)
  expect([json.exitCode, JSON.parse(json.stdout).data]).toEqual([
    7,
    { exit_code: null, waited_for: expect.stringMatching(/held by a person/) },
  ])
  expect(existsSync(touched)).toBe(false)
  await holder.release()
})

it('does not wait for itself when a command under the lock calls it again', async () => {
  const inner = `'${join(root, 'bin', 'build')}' --timeout 1s -- sh -c 'echo inner; exit 9'`
  const ran = await build('--', 'sh', '-c', inner)
  expect([ran.exitCode, ran.stdout, ran.stderr]).toEqual([9, 'inner', ''])
})

it('passes SIGTERM on, waits for the command, and frees the lock', async () => {
  const running = build(
    '--',
    'sh',
    '-c',
    'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.02; done',
  )
  let out = ''
  running.stdout.on('data', (chunk) => {
    out += chunk
  })
  await until('the command to run', () => out.includes('ready'))
  running.kill('SIGTERM')
  expect([(await running).exitCode, (await running).stdout]).toEqual([5, 'ready\nbye'])
  expect((await build('--timeout', '2s', '--', 'true')).exitCode).toBe(0)
})

it('frees the lock when it is killed and its command has ended', async () => {
  const running = build('--', 'sh', '-c', 'echo $$; exec sleep 30')
  let out = ''
  running.stdout.on('data', (chunk) => {
    out += chunk
  })
  await until('the command to run', () => /^\d+\n$/.test(out))
  running.kill('SIGKILL')
  process.kill(Number(out), 'SIGKILL')
  await running
  expect((await build('--timeout', '2s', '--', 'true')).exitCode).toBe(0)
})

it('says what it could not start', async () => {
  const ran = await runVerb('build', ['--json', '--', 'no-such-program'], box.repo, box.env)
  expect([ran.exitCode, ran.json.error]).toMatchObject([
    1,
    {
      code: 'program-failed',
      message: expect.stringContaining('no-such-program'),
      hint: expect.stringMatching(/PATH/),
    },
  ])
})
