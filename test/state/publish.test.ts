/**
 * An attempt's end and its proof are published once, by who owns the task. Two holders at once are what no lock
 * allows and a replaced lock makes: here they are two values of one task.
 *
 * Seen to fail: without the look in `refuseLate` (lib/state/publish.ts), every "late one" and "followed"; without
 * the second `refuseLate`, "followed"; with `renameSync` for the `linkSync` of createFileOnce (lib/kit/files.ts),
 * "keeps its place", "makes way", "followed", "found the attempt lost" and "many processes"; with `() => true` for
 * isSameProof, "makes way", with `() => false`, "keeps its place"; with an exit that always stays, "the worker had put
 * there"; without the runner in `differs` (lib/state/owner.ts), "names its owner by the runner too".
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkOwner } from '../../lib/state/owner.ts'
import { taskPaths } from '../../lib/state/paths.ts'
import { publishExit, publishResult, replaceResult } from '../../lib/state/publish.ts'
import { writeRecord } from '../../lib/state/record.ts'
import type { AttemptExit, Result } from '../../lib/state/schema/attempt.ts'
import { noUsage } from '../../lib/state/schema/common.ts'
import type { Task } from '../../lib/state/tasks.ts'
import { statusWith } from '../support/records.ts'

let directory: string
let paths: ReturnType<typeof taskPaths>
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-publish-'))
  paths = taskPaths(directory)
  mkdirSync(paths.attempt(1).directory, { recursive: true })
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Who took the task with this epoch; whoever had it before is late from now on. */
function holder(epoch: number): Task {
  const status = statusWith('a', { state: 'verifying', attempt: 1, epoch })
  writeRecord(paths.status, status)
  return { id: 'a', paths, status }
}

const time = '2026-02-03T04:05:06.789Z'

function proof(task: Task, different: Partial<Result> = {}): Result {
  return {
    version: 1,
    task: 'a',
    attempt: 1,
    epoch: task.status.epoch,
    at: time,
    commit: 'c1',
    tree: 't1',
    base: 'b1',
    checks: [],
    diff: null,
    leftovers: [],
    outside: [],
    usage: noUsage,
    ...different,
  }
}

function end(task: Task, different: Partial<AttemptExit> = {}): AttemptExit {
  return {
    version: 1,
    attempt: 1,
    epoch: task.status.epoch,
    started: time,
    ended: time,
    model: null,
    thread: null,
    resumed: false,
    exit_code: 0,
    signal: null,
    failure: null,
    usage: noUsage,
    minutes: 0,
    swept: 0,
    from: null,
    to: null,
    ...different,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: files are looked into freely
const read = (path: string): any => JSON.parse(readFileSync(path, 'utf8'))
const stale = () => (existsSync(paths.staleLog) ? readdirSync(paths.staleLog).sort() : [])
const late = expect.objectContaining({ code: 'stale-epoch', exit: 3 })

describe('a result', () => {
  it('is the attempt’s and, as its newest, the task’s', () => {
    const task = holder(3)
    publishResult(task, proof(task))
    expect([read(paths.attempt(1).result), read(paths.result)]).toEqual([proof(task), proof(task)])
    expect(stale()).toEqual([])
  })

  it('keeps its place when a runner that was started again proves the same, at another time', () => {
    const first = holder(2)
    publishResult(first, proof(first))
    const second = holder(4)
    expect(publishResult(second, proof(second, { at: time.replace('2026', '2027') }))).toEqual(proof(first))
    expect([read(paths.attempt(1).result).epoch, read(paths.result).epoch, stale()]).toEqual([2, 2, []])
  })

  it('makes way for another proof of the same attempt: its runner died before it could act on it', () => {
    const first = holder(2)
    publishResult(first, proof(first))
    const second = holder(4)
    publishResult(second, proof(second, { commit: 'c2' }))
    expect([read(paths.attempt(1).result), read(paths.result)].map(({ commit }) => commit)).toEqual([
      'c2',
      'c2',
    ])
    expect(stale()).toEqual(['attempt-001-result-2.json'])
    expect(read(paths.stale(1, 'result', 2)).commit).toBe('c1')
  })

  it('of a late one goes to log/stale, whether or not there is another', () => {
    const before = holder(2)
    const now = holder(4)
    expect(() => publishResult(before, proof(before))).toThrow(late)
    expect([existsSync(paths.attempt(1).result), existsSync(paths.result)]).toEqual([false, false])
    publishResult(now, proof(now, { commit: 'c2' }))
    expect(() => publishResult(before, proof(before))).toThrow(late)
    expect(() => replaceResult(before, proof(before))).toThrow(late)
    expect([read(paths.attempt(1).result).commit, read(paths.result).commit]).toEqual(['c2', 'c2'])
    expect([stale(), read(paths.stale(1, 'result', 2)).commit]).toEqual([['attempt-001-result-2.json'], 'c1'])
  })

  it('of one who was followed between its look and its link is not taken for the same', () => {
    const before = holder(2)
    let comes = true
    const interrupted = {
      ...proof(before),
      // Asked for after the look, and before the link.
      toJSON() {
        if (comes) {
          comes = false
          const now = holder(4)
          publishResult(now, proof(now))
        }
        return proof(before)
      },
    }
    expect(() => publishResult(before, interrupted)).toThrow(late)
    expect([read(paths.attempt(1).result).epoch, read(paths.result).epoch]).toEqual([4, 4])
    expect(stale()).toEqual(['attempt-001-result-2.json'])
  })
})

describe('an exit', () => {
  it('that a runner saw and died after is not replaced by one that found the attempt lost', () => {
    const first = holder(2)
    publishExit(first, end(first), true)
    const second = holder(4)
    expect(publishExit(second, end(second, { exit_code: null }), false)).toEqual(end(first))
    expect([read(paths.attempt(1).exit).epoch, stale()]).toEqual([2, []])
  })

  it('that a runner saw is not one that the worker had put there', () => {
    const task = holder(2)
    for (const forged of [JSON.stringify(end(task, { minutes: 99, epoch: 77 })), 'nonsense']) {
      rmSync(paths.attempt(1).exit, { force: true })
      writeFileSync(paths.attempt(1).exit, forged)
      expect(publishExit(task, end(task), true)).toEqual(end(task))
      expect(read(paths.attempt(1).exit)).toEqual(end(task))
    }
    expect(stale()).toEqual(['attempt-001-exit-77.json'])
  })

  it('of a late one goes to log/stale', () => {
    const before = holder(2)
    holder(4)
    expect(() => publishExit(before, end(before), true)).toThrow(late)
    expect([existsSync(paths.attempt(1).exit), stale()]).toEqual([false, ['attempt-001-exit-2.json']])
  })
})

it('makes nothing again of a task that was archived meanwhile', () => {
  const task = holder(2)
  rmSync(directory, { recursive: true })
  expect(() => publishResult(task, proof(task))).toThrow(late)
  expect(() => publishExit(task, end(task), true)).toThrow(late)
  expect(existsSync(directory)).toBe(false)
})

it('names its owner by the runner too: after a backup was put back, epochs can come again', () => {
  const runner = { pid: 7, boot: 'b', host: 'h', ticks: 1, pid_namespace: null, cgroup: null, started: time }
  const status = statusWith('a', { epoch: 2, runner })
  writeRecord(paths.status, { ...status, runner: { ...runner, started: time.replace('2026', '2027') } })
  const task = { id: 'a', paths, status }
  expect(() => checkOwner(task)).toThrow(late)
  writeRecord(paths.status, status)
  checkOwner(task)
  // Between two runners there is none.
  writeRecord(paths.status, { ...status, runner: null })
  checkOwner(task)
})

it('is published by one of many processes that try at once', async () => {
  const task = holder(2)
  const script = `
const { publishExit } = await import(${JSON.stringify(new URL('../../lib/state/publish.ts', import.meta.url).href)})
const { taskPaths } = await import(${JSON.stringify(new URL('../../lib/state/paths.ts', import.meta.url).href)})
const { directory, status, exit } = JSON.parse(process.argv[1])
for (let n = 1; n <= 30; n++) {
  const task = { id: 'a', paths: taskPaths(directory), status: { ...status, attempt: n } }
  const counts = publishExit(task, { ...exit, attempt: n, minutes: Number(process.argv[2]) }, false)
  console.log(n + ' ' + counts.minutes)
}`
  for (let n = 1; n <= 30; n++) mkdirSync(paths.attempt(n).directory, { recursive: true })
  const given = JSON.stringify({ directory, status: task.status, exit: end(task) })
  const said = await Promise.all(
    ['1', '2', '3'].map((who) =>
      execa(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, given, who]),
    ),
  )
  // Everybody goes by what is published, whoever it was.
  const [first, ...others] = said.map(({ stdout }) => stdout)
  expect(others).toEqual([first, first])
})
