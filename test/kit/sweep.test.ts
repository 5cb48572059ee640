import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cgroupFor, startInside } from '../../lib/kit/cgroup.ts'
import { signal } from '../../lib/kit/pid.ts'
import { endThese, findAll, findMarked, sweep } from '../../lib/kit/sweep.ts'
import { until } from '../support/sandbox.ts'

const name = 'DIRIGENT_TEST_MARK'
let directory: string
let value: string
let others: ChildProcess[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-sweep-'))
  value = `/${directory}:1`
})
afterEach(() => {
  for (const pid of findMarked(name, value)) signal(pid, 'SIGKILL')
  for (const child of others) child.kill('SIGKILL')
  others = []
  rmSync(directory, { recursive: true, force: true })
})

/** Runs a shell line that carries the mark, to its end. */
const marked = (line: string, mark = value) =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH, A_BEFORE: 'x', [name]: mark, Z_AFTER: 'y' }
    spawn('/bin/sh', ['-c', line], { env, cwd: directory, stdio: 'ignore' }).once('exit', resolve)
  })
const pidIn = (file: string) =>
  until(`${file}`, () => {
    const path = join(directory, file)
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
  })
const gone = (pid: number) =>
  !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

it('ends what left its session, what was double-forked, and what ignores SIGTERM', async () => {
  await marked(`setsid sh -c 'echo $$ > a; exec sleep 1000' & (sh -c 'echo $$ > b; exec sleep 1000' &) &
    setsid sh -c "trap '' TERM INT HUP; echo \\$\\$ > c; while :; do sleep 1000; done" &`)
  const pids = [await pidIn('a'), await pidIn('b'), await pidIn('c')]
  expect(await sweep({ name, value, cgroup: null }, 200)).toBeGreaterThanOrEqual(3)
  expect(pids.filter((pid) => !gone(pid))).toEqual([])
  expect(findMarked(name, value)).toEqual([])
})

it('lets a process end by itself within its grace', async () => {
  await marked(
    `setsid sh -c "trap 'echo clean > ended; exit' TERM; echo \\$\\$ > a; while :; do sleep 0.02; done" &`,
  )
  await pidIn('a')
  await sweep({ name, value, cgroup: null }, 5000)
  expect(readFileSync(join(directory, 'ended'), 'utf8')).toBe('clean\n')
})

it('leaves alone what has another mark, one that only begins alike, or none', async () => {
  const line = 'echo $$ > %; exec sleep 1000'
  for (const [file, mark] of [
    ['a', `${value}0`],
    ['b', `x${value}`],
  ])
    void marked(line.replace('%', file ?? ''), mark)
  others.push(
    spawn('sleep', ['1000'], { stdio: 'ignore', env: { PATH: process.env.PATH, [`X${name}`]: value } }),
  )
  const [a, b] = [await pidIn('a'), await pidIn('b')]
  expect(await sweep({ name, value, cgroup: null }, 100)).toBe(0)
  expect([a, b, others[0]?.pid ?? 0].filter(gone)).toEqual([])
  for (const pid of [a, b]) signal(pid, 'SIGKILL')
})

it('ends only what it was given, and not what began under the mark since', async () => {
  await marked(`setsid sh -c 'echo $$ > a; exec sleep 1000' &`)
  const a = await pidIn('a')
  const mark = { name, value, cgroup: null }
  const found = findAll(mark)
  await marked(`setsid sh -c 'echo $$ > b; exec sleep 1000' &`)
  const b = await pidIn('b')
  await endThese(found, mark, 100)
  expect([gone(a), gone(b)]).toEqual([true, false])
  // A pid that has gone over to somebody else is not in the mark any more.
  others.push(spawn('sleep', ['1000'], { stdio: 'ignore' }))
  await endThese([others[0]?.pid ?? 0], mark, 0)
  expect(gone(others[0]?.pid ?? 0)).toBe(false)
})

// Seen to fail: `inside` left out of findAll.
it('ends what cleared its environment, when it was started inside a cgroup', async ({ skip }) => {
  const cgroup = cgroupFor(value)
  if (cgroup === null) skip('no cgroup can be made here')
  const mark = { name, value, cgroup }
  await startInside(cgroup, () =>
    marked(
      `env -i setsid sh -c "trap '' TERM; echo \\$\\$ > a; while :; do sleep 1000; done" &
      env -i setsid sh -c 'echo $$ > b; exec sleep 1000' & (env -i sh -c 'echo $$ > c; exec sleep 1000' &) &`,
    ),
  )
  const pids = [await pidIn('a'), await pidIn('b'), await pidIn('c')]
  expect(findMarked(name, value)).toEqual([])
  expect(await sweep(mark, 200)).toBeGreaterThanOrEqual(3)
  expect(pids.filter((pid) => !gone(pid))).toEqual([])
  expect(existsSync(cgroup ?? '')).toBe(false)
})

// Seen to fail: `believed` giving the recorded path as it is.
it('does not believe a recorded cgroup that is not the mark’s own', async ({ skip }) => {
  const cgroup = cgroupFor(`${value}-of-another`)
  if (cgroup === null) skip('no cgroup can be made here')
  await startInside(cgroup, () => marked(`env -i sh -c 'echo $$ > a; exec sleep 1000' &`))
  const a = await pidIn('a')
  expect(await sweep({ name, value, cgroup }, 0)).toBe(0)
  expect(gone(a)).toBe(false)
  expect(await sweep({ name, value: `${value}-of-another`, cgroup }, 0)).toBe(1)
  expect(gone(a)).toBe(true)
})

it('does not end the process that asks', () => {
  expect(findMarked('PATH', process.env.PATH ?? '')).not.toContain(process.pid)
  signal(2 ** 22 + 1, 'SIGTERM')
})
