import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { ended, refuseKilled, run, start } from '../../lib/kit/proc.ts'

const env = { PATH: process.env.PATH }
const sh = (line: string, more = {}) => run('/bin/sh', ['-c', line], { cwd: tmpdir(), env, ...more })
/** Ended for taking too long, but not before it has said something: on a busy machine a shell takes its time to start. */
const cutShort = async (line: string, timeout = 50): ReturnType<typeof sh> => {
  const ran = await sh(line, { timeout })
  return ran.stdout.length > 0 ? ran : await cutShort(line, 4 * timeout)
}

it('gives exit code, signal, output and the end of stderr', async () => {
  expect(await sh('cat; echo no >&2; exit 3', { input: 'in' })).toMatchObject({
    exitCode: 3,
    signal: null,
    stdout: Buffer.from('in'),
    stderr: 'no\n',
    timedOut: false,
    cut: false,
  })
  expect(await sh('kill -9 $$')).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
  expect((await sh('yes no | head -c 100000 >&2')).stderr).toHaveLength(16_384)
})

it('hands over arguments and nothing of our environment', async () => {
  const odd = ['-x', 'a b', '$(touch x)', '"', "'", '\n']
  const seen = await run(
    process.execPath,
    ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...odd],
    {
      cwd: '/',
      env: {},
    },
  )
  expect(JSON.parse(seen.stdout.toString())).toEqual(odd)
  expect((await run('/usr/bin/env', [], { cwd: '/', env: { A: '1' } })).stdout.toString()).toBe('A=1\n')
})

it('ends a program that takes too long, one that ignores SIGTERM too', async () => {
  expect(await sh('exec sleep 1000', { timeout: 50 })).toMatchObject({ timedOut: true, signal: 'SIGTERM' })
  const deaf = await cutShort("trap '' TERM; echo deaf; while :; do sleep 0.1; done")
  expect(deaf).toMatchObject({ timedOut: true, signal: 'SIGKILL' })
})

it('takes too much output for an error, and input that is not read for none', async () => {
  await expect(sh('yes', { limit: 1000 })).rejects.toMatchObject({ code: 'program-failed' })
  const begun = await sh('yes', { limit: 1000, cut: true })
  expect(begun).toMatchObject({ cut: true, stdout: Buffer.from('y\n'.repeat(500)) })
  expect(() => refuseKilled('yes', begun)).not.toThrow()
  expect((await sh('exit 0', { input: Buffer.alloc(1024 * 1024) })).exitCode).toBe(0)
})

it('is not held up by what a program started that was ended for taking too long', async () => {
  const slow = await cutShort('sleep 1000 & echo $!; exec sleep 1000')
  expect(slow).toMatchObject({ timedOut: true, signal: 'SIGTERM' })
  process.kill(Number(slow.stdout), 'SIGKILL')
  // Seen to fail: with its end waited for that has been already.
  const left = await cutShort('sleep 1000 & echo $!')
  expect(left).toMatchObject({ timedOut: true, exitCode: 0 })
  process.kill(Number(left.stdout), 'SIGKILL')
})

it('says which program cannot be started', async () => {
  const failed = { code: 'program-failed', message: expect.stringContaining('no-such-program') }
  await expect(run('no-such-program', [], { cwd: '/', env })).rejects.toMatchObject(failed)
  await expect(start('no-such-program', [], { cwd: '/', env, stdio: [] })).rejects.toMatchObject(failed)
})

it('knows that a process has ended although something still holds its pipes', async () => {
  const child = await start('/bin/sh', ['-c', 'sleep 1000 & exit 4'], {
    cwd: '/',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  expect(await ended(child)).toEqual({ exitCode: 4, signal: null })
  expect(await ended(child)).toEqual({ exitCode: 4, signal: null })
  process.kill(-(child.pid ?? 0), 'SIGKILL')
})

it('makes a failure of a program that was killed, and not by us', async () => {
  const ran = await sh('kill -9 $$')
  expect(() => refuseKilled('sh', ran)).toThrow(expect.objectContaining({ code: 'program-killed', exit: 1 }))
  const late = await sh('sleep 60', { timeout: 50 })
  expect(() => refuseKilled('sh', late)).not.toThrow()
})
