import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { cgroupTime, markedBy, pulseOf } from '../../lib/kit/pulse.ts'
import { until } from '../support/sandbox.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
})

const name = 'DIRIGENT_TEST_PULSE'
const mark = (value: string) => ({ name, value, cgroup: null })
async function start(value: string, script: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script], {
    env: { PATH: process.env.PATH, [name]: value },
    stdio: 'ignore',
  })
  children.push(child)
  await until('its start', () => marked(value).length > 0)
  return child.pid ?? 0
}
const marked = (value: string) => markedBy(name).get(value) ?? []
const pulse = (value: string, idle: number | null = null) => pulseOf(mark(value), marked(value), idle)

it('counts the time of what works, and of what has ended, and not that of the one that idles', async () => {
  const value = `works-${process.pid}`
  // A child that has ended, and then the shell itself.
  const inner = 'n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done'
  const pid = await start(value, `sh -c '${inner}'; while :; do :; done`)
  await until('its time', () => (pulse(value)?.cpu ?? 0) > 500)
  const [all, others] = [pulse(value)?.cpu ?? 0, pulse(value, pid)?.cpu ?? 0]
  expect(others).toBeGreaterThan(0)
  expect(all).toBeGreaterThan(others)
})

it('is quiet in what sleeps, and tells when it was stopped by a signal', async () => {
  const value = `sleeps-${process.pid}`
  const pid = await start(value, 'sleep 60 & wait')
  await until('its child', () => marked(value).length === 2)
  expect(pulse(value)).toMatchObject({ stopped: false })
  process.kill(pid, 'SIGSTOP')
  await until('it has stopped', () => pulse(value, pid)?.stopped)
  // One of two: not all of them.
  expect(pulse(value)).toMatchObject({ stopped: false })
  for (const each of marked(value)) process.kill(each, 'SIGSTOP')
  await until('all have', () => pulse(value)?.stopped)
})

it('is none where nothing is to be seen', () => {
  expect(pulse(`nobody-${process.pid}`)).toBeNull()
})

it('reads the time of a cgroup where there is one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dirigent-pulse-'))
  expect(cgroupTime(directory)).toBeNull()
  writeFileSync(join(directory, 'cpu.stat'), 'usage_usec 1234567\nuser_usec 1000000\n')
  expect(cgroupTime(directory)).toBe(1234.567)
  rmSync(directory, { recursive: true })
})
