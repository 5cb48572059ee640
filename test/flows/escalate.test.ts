/**
 * What needs somebody: the orchestrator is woken, then a person is told, of each trouble once.
 *
 * Seen to fail: without the `save` before it in `tellOn` (lib/flows/supervise/person.ts), "while the disk is full";
 * without `endOverdue` in lib/flows/supervise/escalate.ts, "has two hours"; without `catch` in `noteWake`, "cannot be written down".
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, describe, expect, it } from 'vitest'
import { isLocked } from '../../lib/kit/lock.ts'
import { isRunning } from '../../lib/kit/pid.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { createTask } from '../../lib/state/tasks.ts'
import { sandboxForEach } from '../support/each.ts'
import { statusWith } from '../support/records.ts'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, settled, spawnTask, supervisorsOf, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({}, (made) => {
  box = made
})

const fails = async (id: string) => {
  await spawnTask(box, id, { attempts: 1 }, [{ say: 'done' }])
  await until('its end', () => box.status(id).state === 'failed')
}
/** One that has failed, without anybody having tried: what follows is the same. */
const failed = (id: string) => {
  const since = new Date().toISOString()
  createTask(
    statePaths(box.repo),
    statusWith(id, { state: 'failed', reason: 'it went wrong', since }),
    'Do it.',
  )
}
const file = (name: string) => join(box.directory, name)
const said = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '')
const times = (text: string, what: string) => text.split(what).length - 1
const escalations = () => join(box.state, 'locks', 'escalations.json')
const known = () => JSON.parse(readFileSync(escalations(), 'utf8'))
const once = async () => expect((await box.json('supervise', '--once')).exitCode).toBe(0)

/** A web server that answers as it is told. */
let server: Server | undefined
const posts: { readonly at: number; readonly body: string; readonly headers: IncomingMessage['headers'] }[] =
  []
async function listen(answer: (response: ServerResponse) => void): Promise<string> {
  posts.length = 0
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      posts.push({ at: Date.now(), body, headers: request.headers })
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

describe('a person', () => {
  // Seen to fail: with the names of all that needs somebody in `environmentFor`.
  it('has a command that is given ids, and no name that a worker may have given to a directory', async () => {
    box.configure({
      notify: { command: 'echo "[$DIRIGENT_ATTENTION_TASKS]" >> ../told.txt', after_minutes: 0 },
    })
    failed('real')
    mkdirSync(join(box.state, 'tasks', '--output=x $(id)'))
    await once()
    expect(said('told.txt')).toBe('[real]\n')
  })

  it('is told by each way, once, although the supervisor is killed in the middle of it', async () => {
    let released = false
    const host = await listen((response) => {
      // The first is never answered: whoever asked is killed meanwhile.
      if (released) response.end()
    })
    const command = 'cat >> ../told.txt; echo "[$DIRIGENT_ATTENTION_TASKS]" >> ../told.txt'
    const notify = { command, webhook: `http://me:pa%20ss@${host}/hook`, after_minutes: 0 }
    box.configure({ notify, supervise: { every_seconds: 0.3 } })
    await fails('one')
    await until('the first post', () => posts.length === 1)
    // A runner that ends looks after a supervisor, too.
    await until('the end of its runner', () => runnersOf(box, 'one').length === 0)
    expect(known().tasks.one.told).toMatchObject({ command: expect.any(String) })
    kill(...supervisorsOf(box))
    released = true
    await once()
    await once()
    expect([times(said('told.txt'), '[one]'), posts.length]).toEqual([1, 2])
    const told = JSON.parse(posts[1]?.body ?? '')
    expect(told).toMatchObject({ repository: box.repo, tasks: [{ id: 'one', state: 'failed' }] })
    expect(told.text).toMatch(/one: failed for .*without committing/)
    expect(posts[1]?.headers.authorization).toBe(`Basic ${Buffer.from('me:pa ss').toString('base64')}`)

    await fails('two')
    await until('all is told', () => Object.keys(known().tasks.two?.told ?? {}).length === 2)
    expect([times(said('told.txt'), '[two]'), posts.length]).toEqual([1, 3])
    expect(times(said('told.txt'), '[one]')).toBe(1)
    // Nothing is ahead any more.
    await until('the supervisor has left', () => supervisorsOf(box).length === 0)
    expect(trailOf(box, 'two').filter(({ type }) => type === 'escalation')).toHaveLength(2)
  })

  // Seen to fail: with `await telling` alone in `tellPeople` (lib/flows/supervise/person.ts).
  it('is told by a command that may take its time: the tasks go on meanwhile, and other ways are not held up', async () => {
    const host = await listen((response) => response.writeHead(204).end())
    box.configure({
      notify: {
        command: `while ! test -f ${file('told-now')}; do sleep 0.1; done; cat > ${file('told.txt')}`,
        webhook: `http://${host}/`,
        after_minutes: 0,
      },
      supervise: { every_seconds: 0.5 },
    })
    failed('one')
    const hold = { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' }
    await spawnTask(box, 'a', { change: 'none' }, { attempts: [[hold], [{ say: 'done' }]] })
    await until('a person is told by the other way', () => posts.length === 1)
    await until('its worker', () => box.status('a').activity?.kind === 'tool')
    kill(...runnersOf(box, 'a'), ...workersOf(box, 'a'))
    // No verb is called from here on.
    await until('the next attempt', () => box.status('a').state === 'done')
    expect(known().tasks.one.told).toEqual({ webhook: expect.any(String) })
    writeFileSync(file('told-now'), '')
    await until('it is told', () => Object.keys(known().tasks.one.told).length === 2)
    expect(times(said('told.txt'), 'one: failed')).toBe(1)
    await until('the supervisor has left', () => supervisorsOf(box).length === 0)
  })

  it('is told later when it fails at first, and nobody else is told: no redirection is followed', async () => {
    let status = 302
    const host = await listen((response) => {
      response.writeHead(status, { location: `http://${host}/elsewhere` }).end()
    })
    box.configure({
      notify: { webhook: `http://${host}/secret`, after_minutes: 0 },
      supervise: { auto: false },
    })
    failed('one')
    await once()
    expect(known().tasks.one).toMatchObject({
      failed: 1,
      told: {},
      problem: `notify.webhook: ${host} answered 302, a redirection, which is not followed`,
    })
    const due = Date.parse(known().tasks.one.retry_at)
    status = 204
    // It stays for what is still to come.
    await box.verb('supervise')
    expect(known().tasks.one.told).toMatchObject({ webhook: expect.any(String) })
    expect(posts.map(({ at }) => at >= due)).toEqual([false, true])
    const log = join(box.state, 'locks', 'supervisor.log')
    expect(
      trailOf(box, 'one')
        .map(({ text }) => text)
        .join() + (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    ).not.toContain('secret')
  })

  it('is not told again and again while the disk is full', async () => {
    const host = await listen((response) => response.end())
    const notify = (after_minutes: number) =>
      box.configure({ notify: { webhook: `http://${host}/`, after_minutes }, supervise: { auto: false } })
    notify(60)
    failed('one')
    await once()
    notify(0)
    const words = ['--fsize=0', join(root, 'bin', 'supervise'), '--once']
    const full = await execa('prlimit', words, {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      reject: false,
    })
    expect(full.stdout).toMatch(/telling who is needed: .*escalations\.json/)
    expect(posts).toHaveLength(0)
    await once()
    await once()
    expect(posts).toHaveLength(1)
  })

  it('is told on the desktop, and a program that is missing is a trouble and no end', async () => {
    box.configure({
      notify: { desktop: true, command: 'exit 7', after_minutes: 0 },
      supervise: { auto: false },
    })
    failed('one')
    await once()
    const noted = trailOf(box, 'one').map(({ text }) => text)
    expect(noted).toContain('a person could not be told: notify.command: it ended with exit code 7')
    expect(noted).toContainEqual(expect.stringMatching(/: notify.desktop: Cannot start notify-send/))
    expect(known().tasks.one).toMatchObject({ failed: 2, problem: expect.stringMatching(/^notify\./) })
    mkdirSync(file('bin'))
    const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${file('desktop.txt')}\n`
    writeFileSync(join(file('bin'), 'notify-send'), script, { mode: 0o755 })
    const env = { ...box.env, PATH: `${file('bin')}:${box.env.PATH}` }
    const verb = () =>
      execa(join(root, 'bin', 'supervise'), ['--once'], { cwd: box.repo, env, extendEnv: false })
    // Its time to be tried again.
    const now = { ...known().tasks.one, retry_at: new Date().toISOString() }
    writeFileSync(escalations(), JSON.stringify({ ...known(), tasks: { one: now } }))
    await verb()
    expect(said('desktop.txt')).toMatch(/1 task of .* needs you/)
  })
})

describe('the orchestrator', () => {
  const wakes = () => said('woken.txt')

  it('is woken once for each trouble, and not while it is at work', async () => {
    const wake = 'cat >> ../woken.txt; until test -f ../slept; do sleep 0.05; done; exit 5'
    box.configure({ wake, supervise: { auto: false } })
    failed('one')
    await once()
    await until('it is woken', () => /one: failed/.test(wakes()))
    failed('two')
    await once()
    await once()
    expect(wakes()).not.toMatch(/two/)
    // What it is busy with is not what a supervisor is busy with.
    expect(await isLocked(join(box.state, 'locks', 'supervisor.lock'))).toBe(false)
    writeFileSync(file('slept'), '')
    await until(
      'the second',
      async () => (await box.json('supervise', '--once')) && /two: failed/.test(wakes()),
    )
    await once()
    expect([times(wakes(), 'one: failed'), times(wakes(), 'two: failed')]).toEqual([1, 1])
    expect(trailOf(box, 'two').filter(({ type }) => type === 'escalation')).toHaveLength(1)
  })

  it('has two hours, once woken; then its command is ended, whoever began it', async () => {
    const wake = "trap '' TERM; echo $$ > ../pid.txt; while true; do sleep 0.1; done"
    box.configure({ wake, supervise: { auto: false } })
    failed('one')
    await once()
    const pid = await until('it is woken', () => Number(said('pid.txt')))
    const begunAgo = (seconds: number) => {
      const started = new Date(Date.now() - seconds * 1000).toISOString()
      writeFileSync(escalations(), JSON.stringify({ ...known(), wake: { ...known().wake, started } }))
    }
    begunAgo(2 * 3600 - 60)
    await once()
    expect(isRunning(pid)).toBe(true)
    begunAgo(2 * 3600 + 1)
    const asked = await box.json('supervise', '--once')
    expect(asked.json.data.did).toEqual([expect.stringContaining(`it is ended (pid ${pid})`)])
    // It does not listen.
    begunAgo(2 * 3600 + 61)
    await once()
    await until('its end', () => !isRunning(pid))
    await once()
    expect(known().wake).toBeNull()
  })

  it('is not woken for what a wait has told, nor while one listens; a wait that was killed does not count', async () => {
    box.configure({ wake: 'cat >> ../woken.txt', supervise: { auto: false } })
    await spawnTask(box, 'holds', {}, [
      { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' },
      { say: 'done' },
    ])
    const heard = box.json('wait', '--timeout', '60s')
    const listening = () => isLocked(join(box.state, 'locks', 'listen.lock'))
    await until('somebody listens', listening)
    await fails('one')
    expect((await heard).json.data.outcome).toBe('attention')
    await once()
    expect(known().tasks.one.woken).toEqual(expect.any(String))

    const killed = execa(join(root, 'bin', 'wait'), ['holds'], {
      cwd: box.repo,
      env: box.env,
      extendEnv: false,
      reject: false,
    })
    await until('somebody listens', listening)
    await fails('two')
    await once()
    expect(known().tasks.two.woken).toBeNull()
    killed.kill('SIGKILL')
    await killed
    await until(
      'it is woken',
      async () => (await box.json('supervise', '--once')) && /two: failed/.test(wakes()),
    )
    expect(wakes()).not.toMatch(/one: failed/)
    box.write('go-on', '')
    await settled(box, 'holds')
  })

  it('is woken by a command whose end does no harm where it cannot be written down', async () => {
    const file = '.orchestrator-state/locks/escalations.json'
    // The supervisor may write it anew between the two.
    const wake = `until rm -f ${file}; mkdir -p ${file}/here 2> /dev/null; do :; done; exit 3`
    box.configure({ wake, supervise: { every_seconds: 0.3 } })
    await spawnTask(box, 'holds', {}, [
      { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' },
      { say: 'done' },
    ])
    await fails('one')
    const log = () => readFileSync(join(box.state, 'locks', 'supervisor.log'), 'utf8')
    await until('it is said', () => log().includes('wake: it ended with exit code 3'))
    await until('and the other', () => log().includes('wake: that could not be written down: '))
    await until('it still looks', () => /telling who is needed: /.test(log()))
    expect(times(log(), ' supervising ')).toBe(1)
    expect(supervisorsOf(box)).toHaveLength(1)
  })

  it('is woken by a supervisor that notes how its command failed', async () => {
    box.configure({
      wake: 'exit 3',
      notify: { command: 'cat > ../told.txt', after_minutes: 0.03 },
      supervise: { every_seconds: 0.3 },
    })
    await fails('one')
    await until('it is noted', () => known().tasks.one?.problem === 'wake: it ended with exit code 3')
    await until('a person is told', () => /one: failed/.test(said('told.txt')))
  })
})
