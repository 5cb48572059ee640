import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  cgroupFor,
  goInside,
  isCgroupOf,
  killCgroup,
  leaveCgroup,
  membersOf,
  removeCgroup,
  startInside,
} from '../../lib/kit/cgroup.ts'
import { until } from '../support/sandbox.ts'

let directory: string
let mark: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-cgroup-'))
  mark = `/${directory}#1`
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** A process that describes itself so; the cgroup file system is a folder of ours. */
function described(cgroup: string, mounts: readonly string[]): string {
  writeFileSync(join(directory, 'cgroup'), cgroup)
  writeFileSync(join(directory, 'mountinfo'), mounts.map((line) => `${line}\n`).join(''))
  return directory
}
const mount = (root: string, point: string, kind = 'cgroup2') =>
  `41 31 0:38 ${root} ${point} rw,relatime - ${kind} ${kind} rw`

describe('where a cgroup may be made', () => {
  beforeEach(() => {
    mkdirSync(join(directory, 'fs', 'user', 'session'), { recursive: true })
  })
  const points = () => join(directory, 'fs')

  it.each([
    ['is the own one', '0::/user/session\n', '/', 'user/session'],
    ['is found beside the old hierarchies', '4:memory:/x\n1:cpu:/\n0::/user\n', '/', 'user'],
    ['is what of it is mounted', '0::/docker/abc/user\n', '/docker/abc', 'user'],
    ['is the root of a namespace', '0::/\n', '/', '.'],
  ])('%s', (_, cgroup, root, expected) => {
    const proc = described(cgroup, [mount('/', '/proc', 'proc'), mount(root, points())])
    const path = cgroupFor(mark, proc)
    expect(dirname(path ?? '')).toBe(join(points(), expected))
    expect(existsSync(path ?? '')).toBe(false)
    expect(isCgroupOf(path ?? '', mark, proc)).toBe(true)
  })

  it('is beside the cgroup of another mark, never inside', () => {
    const outer = cgroupFor('/somewhere#1', described('0::/user\n', [mount('/', points())])) ?? ''
    mkdirSync(join(outer, 'own'), { recursive: true })
    const proc = described(`0::/user/${basename(outer)}/own\n`, [mount('/', points())])
    expect(dirname(cgroupFor(mark, proc) ?? '')).toBe(join(points(), 'user'))
  })

  it.each([
    ['there is no cgroup2', '0::/user\n', () => [mount('/', points(), 'cgroup')]],
    ['the process is in none', '1:cpu:/user\n', () => [mount('/', points())]],
    ['it is outside of the own namespace', '0::/../user\n', () => [mount('/', points())]],
    ['another part is mounted', '0::/user\n', () => [mount('/docker/abc', points())]],
    ['it is gone', '0::/user/gone\n', () => [mount('/', points())]],
  ])('is nowhere when %s', (_, cgroup, mounts) => {
    expect(cgroupFor(mark, described(cgroup, mounts()))).toBe(null)
  })

  it('is nowhere when the process says nothing of itself', () => {
    expect(cgroupFor(mark, join(directory, 'none'))).toBe(null)
  })

  it('reads blanks in the mount point', () => {
    mkdirSync(join(directory, 'a b'))
    const proc = described('0::/\n', [mount('/', join(directory, 'a\\040b'))])
    expect(dirname(cgroupFor(mark, proc) ?? '')).toBe(join(directory, 'a b'))
  })

  it('is not taken from a record that names anything else', () => {
    const proc = described('0::/user\n', [mount('/', points())])
    const path = cgroupFor(mark, proc) ?? ''
    expect(isCgroupOf(path, mark, proc)).toBe(true)
    for (const wrong of [
      join(points(), 'user'),
      join(points(), basename(path), '..', '..', basename(path)),
      `${points()}/user/../${basename(path)}`,
      join(directory, basename(path)),
      basename(path),
      `/${basename(path)}`,
      cgroupFor('/another#1', proc) ?? '',
    ])
      expect([wrong, isCgroupOf(wrong, mark, proc)]).toEqual([wrong, false])
  })
})

describe('without a cgroup', () => {
  it('things are started all the same, and nothing is found, ended or removed', async () => {
    const path = join(directory, 'no', 'such', 'place')
    for (const where of [null, path, '/proc/dirigent-cgroup', '/proc/self/dirigent-cgroup'])
      expect(await startInside(where, () => 'started')).toBe('started')
    expect(membersOf(path)).toEqual([])
    expect(killCgroup(path)).toBe(false)
    await removeCgroup(path)
    leaveCgroup(join(directory, 'none'))
  })
})

const real = cgroupFor('/a-first-look#1')
describe.skipIf(real === null)('a real cgroup', () => {
  const inside = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, 'utf8')

  // Seen to fail: `moveTo(home)` left out of startInside.
  it('has what was started in it from its first instruction, and never us', async () => {
    const path = cgroupFor(mark)
    const before = inside(process.pid)
    const child = await startInside(path, () =>
      spawn('/bin/sh', ['-c', 'env -i setsid sleep 1000 & env -i setsid sleep 1000'], { stdio: 'ignore' }),
    )
    expect(inside(process.pid)).toBe(before)
    await until('all of them', () => membersOf(path ?? '').length === 3)
    expect(inside(child.pid ?? 0)).toContain(basename(path ?? ''))
    expect(killCgroup(path ?? '')).toBe(true)
    await once(child, 'exit')
    await until('their end', () => membersOf(path ?? '').length === 0)
    await removeCgroup(path ?? '')
    expect(existsSync(path ?? '')).toBe(false)
  })

  // Seen to fail: `leave` doing nothing.
  it('is left by who went in and then starts nothing, and by who is refused by what it starts', async () => {
    const path = cgroupFor(mark)
    const before = inside(process.pid)
    const gone = goInside(path)
    await until('us inside', () => inside(process.pid) !== before)
    await gone.leave()
    expect(inside(process.pid)).toBe(before)
    const refuse = () => {
      expect(inside(process.pid)).toContain(basename(path ?? ''))
      throw new Error('no such program')
    }
    await expect(startInside(path, refuse)).rejects.toThrow('no such program')
    expect(inside(process.pid)).toBe(before)
    await removeCgroup(path ?? '')
  })

  it('is removed with what the program inside made below it', async () => {
    const path = cgroupFor(mark) ?? ''
    const make = `mkdir -p ${path}/deep/deeper && echo 0 > ${path}/deep/deeper/cgroup.procs && exec sleep 1000`
    const child = await startInside(path, () => spawn('/bin/sh', ['-c', make], { stdio: 'ignore' }))
    await until('the move', () => inside(child.pid ?? 0).includes('/deep/deeper'))
    expect(membersOf(path)).toEqual([child.pid])
    killCgroup(path)
    await once(child, 'exit')
    await removeCgroup(path)
    expect(existsSync(path)).toBe(false)
  })

  // Seen to fail: isInside answering false.
  it('is neither ended nor nested by a process inside, which can leave it', async () => {
    const path = cgroupFor(mark) ?? ''
    const program = `
      const g = await import(${JSON.stringify(new URL('../../lib/kit/cgroup.ts', import.meta.url).href)})
      const { readFileSync } = await import('node:fs')
      const own = () => readFileSync('/proc/self/cgroup', 'utf8').match(/^0::(.*)$/m)[1]
      const before = own(), killed = g.killCgroup(process.argv[1]), other = g.cgroupFor('/another#1')
      g.leaveCgroup()
      console.log(JSON.stringify([before, killed, other, own()]))`
    const child = await startInside(path, () =>
      spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    )
    const chunks: Buffer[] = []
    for await (const chunk of child.stdout ?? []) chunks.push(chunk)
    const [before, killed, other, after] = JSON.parse(Buffer.concat(chunks).toString())
    expect(basename(before)).toBe(basename(path))
    expect(killed).toBe(false)
    expect(dirname(other)).toBe(dirname(path))
    expect(after).not.toContain(basename(path))
    await removeCgroup(path)
    expect(existsSync(path)).toBe(false)
  })
})
