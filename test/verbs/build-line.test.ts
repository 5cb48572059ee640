/** The line at the build lock: across repositories, through crashes, and as `status` shows it. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { waitingForBuild } from '../../lib/flows/build-line.ts'
import { openContext } from '../../lib/flows/context.ts'
import { lock } from '../../lib/kit/lock.ts'
import { makeSandbox, root, type Sandbox, until } from '../support/sandbox.ts'
import { settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox()
})
afterAll(async () => {
  await box.close()
})

const lane = () => join(box.env.HOME ?? '', '.local', 'state', 'dirigent', 'build')
const ticketsIn = (directory: string) =>
  existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.ticket')) : []

function build(words: readonly string[], where: Sandbox = box, env: NodeJS.ProcessEnv = {}) {
  return execa(join(root, 'bin', 'build'), words, {
    cwd: where.repo,
    env: { ...where.env, HOME: box.env.HOME, ...env },
    extendEnv: false,
    reject: false,
  })
}

// A test that fails while it holds a turn must not hold up the others.
const gates: string[] = []
let serial = 0
afterEach(async () => {
  for (const gate of gates.splice(0)) writeFileSync(gate, '')
  await until('an empty line', () => ticketsIn(lane()).length === 0)
})

/** A build that has its turn until the gate is opened; `script` runs first. */
async function occupy(where: Sandbox = box, script = ':') {
  serial += 1
  const gate = join(box.directory, `gate-${serial}`)
  gates.push(gate)
  const inside = join(box.directory, `inside-${serial}`)
  const wait = `until test -e '${gate}'; do sleep 0.02; done`
  const running = build(['--', 'sh', '-c', `${script}; echo $$ > '${inside}'; ${wait}`], where)
  await until('the build in its turn', () => existsSync(inside) && readFileSync(inside, 'utf8') !== '')
  return {
    running,
    pid: Number(readFileSync(inside, 'utf8')),
    async open() {
      writeFileSync(gate, '')
      await running
    },
  }
}

const waiters = async (n: number) => await until(`${n} in the line`, () => ticketsIn(lane()).length === n)

it('is one for all repositories of the machine, or for each its own, as `build.scope` says', async () => {
  const other = await makeSandbox({ model: box.model })
  try {
    const holder = await occupy(other)
    const refused = await build(['--timeout', '0', '--json', '--', 'true'])
    expect([refused.exitCode, JSON.parse(refused.stdout).data.waited_for]).toEqual([
      7,
      expect.stringContaining(`held by a person of ${other.repo} (sh -c`),
    ])
    box.configure({ build: { scope: 'repository' } })
    expect((await build(['--timeout', '0', '--', 'true'])).exitCode).toBe(0)
    expect(existsSync(join(box.state, 'locks', 'build', 'door.lock'))).toBe(true)
    await holder.open()
  } finally {
    box.configure({})
    await other.close()
  }
})

it('lets in as many as `build.slots` says', async () => {
  box.configure({ build: { slots: 2 } })
  try {
    const [first, second] = [await occupy(), await occupy()]
    const third = await build(['--timeout', '0', '--json', '--', 'true'])
    expect([third.exitCode, JSON.parse(third.stdout).data.waited_for]).toEqual([
      7,
      expect.stringMatching(/^1st of 1; held by a person \(.*\), a person \(.*\)$/),
    ])
    await first.open()
    expect((await build(['--timeout', '0', '--', 'true'])).exitCode).toBe(0)
    await second.open()
  } finally {
    box.configure({})
  }
})

it('says again who is ahead when the line gets shorter, and serves in the order of coming', async () => {
  const holder = await occupy()
  const order = join(box.directory, 'order')
  const go = join(box.directory, 'go')
  const runs: ReturnType<typeof build>[] = []
  let said = ''
  for (const name of ['first', 'second', 'third']) {
    // The first stays until the last was told of it.
    const stays = name === 'first' ? `while [ ! -e '${go}' ]; do sleep 0.05; done` : ':'
    const run = build(['--', 'sh', '-c', `echo ${name} >> '${order}'; ${stays}`])
    runs.push(run)
    said = ''
    run.stderr.on('data', (chunk) => {
      if (runs.at(-1) === run) said += chunk
    })
    await until(`${name} told`, () => said.includes('held by'))
  }
  await holder.open()
  await until('the third to be told again', () => said.includes(': 2nd of 2'))
  writeFileSync(go, '')
  const done = await Promise.all(runs)
  expect(readFileSync(order, 'utf8')).toBe('first\nsecond\nthird\n')
  const last = done[2]?.stderr.split('\n') ?? []
  expect(last[0]).toMatch(/: 3rd of 3; held by /)
  expect(last.length).toBeGreaterThan(1)
})

// Seen to fail: the turn's descriptor not handed to the command (lib/flows/build.ts).
it('keeps the turn of a killed build until its command has ended, and then the next has it at once', async () => {
  const holder = await occupy()
  const next = build(['--', 'echo', 'mine'])
  await waiters(2)
  const gone = new Promise((resolve) => holder.running.once('exit', resolve))
  holder.running.kill('SIGKILL')
  await gone
  expect((await build(['--timeout', '300ms', '--', 'true'])).exitCode).toBe(7)
  expect(next.exitCode).toBeNull()
  process.kill(holder.pid, 'SIGKILL')
  const killed = performance.now()
  expect((await next).stdout).toBe('mine')
  // Starting `echo` and ending two processes included, on a machine that does other things as well.
  expect(performance.now() - killed).toBeLessThan(8000)
})

// Seen to fail: tickets named by their numbers alone, which come again; and the turn’s end not asked for.
it('is not kept by a daemon that a build left behind, and that daemon waits like anybody else', async () => {
  const said = join(box.directory, 'daemon-said')
  const gate = join(box.directory, 'daemon-gate')
  gates.push(gate)
  const again = `'${join(root, 'bin', 'build')}' --timeout 0 -- true; echo \\$? > '${said}'`
  const daemon = `setsid sh -c "until test -e '${gate}'; do sleep 0.02; done; ${again}" > /dev/null 2>&1 &`
  expect((await build(['--', 'sh', '-c', daemon])).exitCode).toBe(0)
  const holder = await occupy()
  writeFileSync(gate, '')
  await until('the daemon refused', () => existsSync(said) && readFileSync(said, 'utf8') === '7\n')
  await holder.open()
})

it('ends with 128 + n and leaves the line when a signal comes while it waits', async () => {
  const holder = await occupy()
  const waiting = build(['--', 'true'])
  await waiters(2)
  waiting.kill('SIGINT')
  expect((await waiting).exitCode).toBe(130)
  expect(ticketsIn(lane()).length).toBe(1)
  await holder.open()
})

it('shows in `status` which worker waits, for whom, and in which place; its check’s time has not begun', async () => {
  box.configure({ check_minutes: 0.05 })
  await box.commit('three seconds for a check')
  const holder = await occupy()
  await spawnTask(box, 'patient', { verify: ['test -s made'] }, [
    { run: 'dirigent build -- sh -c "echo it > made"; git add made; git commit --quiet --message made' },
  ])
  const seen = await until('the worker waiting', async () => {
    const { json } = await box.json('status', 'patient')
    return json.data.task.health === 'waiting-for-the-build-lock' && json.data.task
  })
  expect(seen.evidence).toMatch(/^1st of 1; held by a person \(sh -c .*\)$/)
  expect((await box.verb('status')).stdout).toContain('build lock: 1st of 1; held by a person')
  // Its own check has to wait for longer than it may take: behind somebody who is in the line before.
  const next = occupy()
  await waiters(3)
  await holder.open()
  const again = await next
  await until(
    'the check waiting',
    () => ticketsIn(lane()).length === 2 && box.status('patient').state === 'verifying',
  )
  const { json } = await box.json('status', 'patient')
  expect(json.data.task.health).toBe('waiting-for-the-build-lock')
  await new Promise((resolve) => setTimeout(resolve, 3200))
  await again.open()
  expect((await settled(box, 'patient')).state).toBe('merged')
})

it('is left when the task that waits in it is stopped', async () => {
  const holder = await occupy()
  await spawnTask(box, 'impatient', {}, [{ run: 'dirigent build -- true' }])
  await waiters(2)
  expect((await box.verb('stop', 'impatient', '--cancel')).exitCode).toBe(0)
  await waiters(1)
  expect(trailOf(box, 'impatient').at(-1).to).toBe('cancelled')
  await holder.open()
})

// Seen to fail: with `tidyLine` (lib/flows/build-line.ts) that throws: exit code 3 for `status`, in every repository.
it('that is ruined is told those who want a turn, and does not keep anybody from looking at tasks', async () => {
  await build(['--', 'true'])
  const record = join(lane(), 'family.json')
  const before = readFileSync(record)
  const dead = join(lane(), '00000001-dead.ticket')
  writeFileSync(record, '{')
  writeFileSync(dead, '')
  expect((await box.verb('status')).exitCode).toBe(0)
  const refused = await build(['--json', '--', 'true'])
  expect([refused.exitCode, refused.stdout]).toEqual([3, expect.stringContaining(record)])
  writeFileSync(record, before)
  expect((await box.verb('status')).exitCode).toBe(0)
  expect(existsSync(dead)).toBe(false)
})

/** Anybody can write a ticket, and hold it. */
async function plant(note: Readonly<Record<string, unknown>>) {
  await build(['--', 'true'])
  const path = join(lane(), '00000001-planted.ticket')
  const at = new Date().toISOString()
  const known = { version: 1, task: null, repo: box.repo, command: 'npm test', pid: 1, host: 'x', boot: 'x' }
  writeFileSync(path, JSON.stringify({ ...known, asked: at, began: null, ...note }))
  const held = await lock(path, 0)
  return () => {
    rmSync(path)
    held.close()
  }
}

// Seen to fail: `note.task` and `note.repo` as they are in `holderOf` (lib/flows/build-line.ts); without `told` in
// lib/kit/queue.ts (it is said twice).
it('says who holds it in clean words, whatever is on the ticket', async () => {
  const remove = await plant({
    task: '\u001b]0;mine\u0007one\ntwo',
    repo: '/r\u001b[2J',
    command: '\u001b[1mx',
  })
  const refused = await build(['--timeout', '200ms', '--', 'true'])
  remove()
  expect([refused.exitCode, refused.stderr]).toEqual([
    7,
    expect.stringMatching(/^waiting for the build lock: 1st of 1; held by one two of \/r \(x, \d+ s\)$/),
  ])
})

// Seen to fail: without `index < slots` in `waitingForBuild`: "0th of 0; held by ".
it('says nothing of who is in and has not yet said so', async () => {
  const remove = await plant({ task: 'early' })
  process.env.DIRIGENT_BUILD_QUEUE = lane()
  const waiting = await waitingForBuild(await openContext(box.repo))
  delete process.env.DIRIGENT_BUILD_QUEUE
  remove()
  expect([...waiting]).toEqual([])
})

// Seen to fail: SIGINT passed on whoever sent it (lib/flows/build.ts).
it.skipIf(spawnSync('script', ['--version']).status !== 0)(
  'leaves Ctrl-C to the terminal, which tells the command itself: a second one means "at once" to many',
  async () => {
    // In a session of its own the command is told by us alone.
    const command = join(box.directory, 'command.mjs')
    writeFileSync(
      command,
      `const told = []
      process.on('SIGINT', () => told.push('INT'))
      process.on('SIGTERM', () => { console.log('told ' + told + '.'); process.exit() })
      console.log('up ' + process.ppid + '.'); setTimeout(() => {}, 60_000)`,
    )
    const line = `${join(root, 'bin', 'build')} -- setsid ${process.execPath} ${command}`
    const options = { cwd: box.repo, env: box.env, extendEnv: false, reject: false } as const
    const terminal = execa('script', ['-qfec', line, '/dev/null'], options)
    let said = ''
    terminal.stdout.on('data', (text) => {
      said += text
    })
    const builder = await until('the command', () => Number(/up (\d+)\./.exec(said)?.[1]))
    terminal.stdin.write('\u0003')
    await until('it being sent', () => said.includes('^C'))
    process.kill(builder, 'SIGTERM')
    await terminal
    expect(said).toContain('told .')
  },
)
