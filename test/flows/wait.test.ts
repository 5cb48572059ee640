/**
 * `wait` with a cursor: what came since and nothing else, whatever became of the feed.
 *
 * Seen to fail: without `#unheard` in lib/flows/news.ts, "loses nothing"; with `stoodAt` always true, the same.
 */
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isLocked } from '../../lib/kit/lock.ts'
import { playTasks, wakeUp } from '../support/played.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 8 } })
})
afterAll(async () => {
  await box.close()
})

const done = { say: 'done' }
const lands = (file: string) => [
  { run: `echo 1 > ${file} && git add ${file} && git commit -qm ${file}` },
  done,
]
const holds = (go: string) => ({ run: `while ! test -f ../../../${go}; do sleep 0.05; done` })
const go = (name: string) => box.write(name, '')
const feed = () => join(box.state, 'events.jsonl')
const fails = { attempts: 1, verify: ['false'], change: 'none' }

// biome-ignore lint/suspicious/noExplicitAny: tests reach into answers freely
async function wait(...args: string[]): Promise<any> {
  const { json } = await box.json('wait', ...args)
  return json.data
}
// biome-ignore lint/suspicious/noExplicitAny: tests reach into answers freely
const told = (data: any) => ({
  attention: data.attention.map(({ id }: { id: string }) => id).sort(),
  still: data.still_need_you,
  ended: [...data.ended].sort(),
})
const now = ['--timeout', '0']

it('tells what came since the cursor, and the same again for the same cursor', async () => {
  await spawnTask(box, 'old', fails, [done])
  await settled(box, 'old')
  const first = await wait()
  expect(first.attention).toMatchObject([{ id: 'old' }])
  await spawnTask(box, 'new', fails, [holds('go-1'), done])
  await spawnTask(box, 'merges', {}, [holds('go-1'), ...lands('merges')])
  await spawnTask(box, 'stays', {}, [holds('go-2'), ...lands('stays')])

  const idle = await box.verb('wait', '--since', first.cursor, '--timeout', '300ms')
  expect([idle.exitCode, idle.stdout]).toEqual([
    7,
    expect.stringMatching(
      /^nothing new · 1 still needs you · 3 under way\ncursor: \S{5,30}\nnext: dirigent wait --since \S+$/,
    ),
  ])
  go('go-1')
  await until('both', () => [box.status('new').state, box.status('merges').state].join() === 'failed,merged')
  const [one, two] = await Promise.all([wait('--since', first.cursor), wait('--since', first.cursor)])
  expect(told(one)).toEqual({ attention: ['new'], still: 1, ended: ['merges'] })
  expect(told(two)).toEqual(told(one))
  const text = (await box.verb('wait', '--since', first.cursor)).stdout.split('\n')
  expect(text.slice(0, 3)).toEqual([
    '1 needs you · 1 still needs you · 1 ended · 1 under way',
    expect.stringMatching(/^! new failed: .*`false` failed/),
    '· merges merged',
  ])
  const next = await wait('--since', one.cursor, ...now)
  expect(told(next)).toEqual({ attention: [], still: 2, ended: [] })
  go('go-2')
  expect(told(await wait('--since', one.cursor))).toEqual({ attention: [], still: 2, ended: ['stays'] })
})

// Seen to fail: with `#hadLine` asked of these, too, in `#isNew`.
it('tells of what has no transition of its own, once, although more stands than a cursor holds', async () => {
  const tasks = await playTasks(box)
  const standing = Array.from({ length: 8 }, (_, n) => `stands-${n}`)
  for (const id of [...standing, 'needed']) tasks.make(id)
  tasks.make('needs-it', { needs: ['needed'] })
  for (const id of standing) tasks.move(id, 'failed', 'because')
  await spawnTask(box, 'in-the-way', {}, [holds('go-4'), ...lands('in-the-way')])
  const { cursor } = await wait(...now)
  expect(cursor).toMatch(/-0$/)

  tasks.move('needed', 'failed', 'because')
  const failed = await wait('--since', cursor, ...now)
  expect(told(failed).attention).toEqual(['needed', 'needs-it'])
  box.write('README.md', 'somebody is at it\n')
  go('go-4')
  const blocked = await wait('--since', failed.cursor)
  expect(told(blocked).attention).toEqual(['in-the-way'])
  expect(told(await wait('--since', blocked.cursor, ...now)).attention).toEqual([])
  await box.git('checkout', 'README.md')
  await box.verb('stop', 'in-the-way', '--cancel')
  for (const id of [...standing, 'needed', 'needs-it']) tasks.move(id, 'cancelled', 'enough')
})

it('loses nothing when the feed is gone, or misses the lines', async () => {
  const before = await wait(...now)
  await spawnTask(box, 'silent-failure', fails, [done])
  await spawnTask(box, 'silent-end', { change: 'none' }, [done])
  await settled(box, 'silent-failure', 'silent-end')
  await until('the archive', () => box.task('silent-end').includes('archive'))
  truncateSync(feed(), Number.parseInt(before.cursor.split('-')[0], 36))
  const missing = await wait('--since', before.cursor, ...now)
  expect(told(missing)).toEqual({ attention: ['silent-failure'], still: 2, ended: ['silent-end'] })
  expect(told(await wait('--since', missing.cursor, ...now))).toEqual({ attention: [], still: 3, ended: [] })

  rmSync(feed())
  const gone = await box.json('wait', '--since', before.cursor, ...now)
  expect(gone.json.data.complete).toBe(false)
  expect(told(gone.json.data)).toEqual({
    attention: ['new', 'old', 'silent-failure'],
    still: 0,
    ended: ['silent-end'],
  })
  writeFileSync(feed(), 'x'.repeat(1_000_000))
  expect(told(await wait('--since', before.cursor, ...now)).attention).toHaveLength(3)
  rmSync(feed())
})

it('tells what a worker said, once, and cleaned', async () => {
  const { cursor } = await wait(...now)
  const tell = { run: `dirigent tell "$(printf 'half \\033[31mway \\n there')"` }
  await spawnTask(box, 'talks', { change: 'none' }, [tell, holds('go-3'), done])
  await until('its word', () => trailOf(box, 'talks').some(({ outbox }) => outbox !== undefined))
  const seen = await box.verb('wait', '--since', cursor, '--timeout', '1s')
  expect(seen.stdout).toMatch(/^· talks says: half way there$/m)
  const data = await wait('--since', cursor, ...now)
  expect(data.messages).toMatchObject([{ task: 'talks', text: expect.stringContaining('way') }])
  go('go-3')
  const after = await wait('--since', data.cursor)
  expect([after.messages, after.ended]).toEqual([[], ['talks']])
})

// Seen to fail: with `ahead` always false in lib/flows/news.ts.
it('tells once what was written just before it looked, and announced just after', async () => {
  const tasks = await playTasks(box)
  for (const id of ['early', 'other']) tasks.make(id)
  const { cursor } = await wait(...now)
  const waiting = wait('--since', cursor)
  await until('it listens', () => isLocked(join(box.state, 'locks', 'listen.lock')))
  const announce = tasks.moveSilently('early', 'failed', 'because')
  tasks.says('other', 'm1', 'look!')
  await delay(100)
  announce()
  const first = await waiting
  expect(told(first).attention).toEqual(['early'])
  expect(told(await wait('--since', first.cursor, ...now)).attention).toEqual([])
  for (const id of ['early', 'other']) tasks.move(id, 'cancelled', 'enough')
})

// Seen to fail: with `id` in place of `named(id)` in lib/view/wait.ts.
it('prints nothing as it stands of a directory that is no task', async () => {
  const { cursor } = await wait(...now)
  const name = 'x\nnext: rm -rf \u001b[31m'
  mkdirSync(join(box.state, 'tasks', name))
  for (const words of [now, ['--since', cursor, ...now]]) {
    const { stdout } = await box.verb('wait', ...words)
    expect(stdout).toMatch(/^! +x next: rm -rf /m)
    expect(stdout).not.toContain('\u001b')
  }
  rmSync(join(box.state, 'tasks', name), { recursive: true })
})

// Seen to fail: without `openOwn` in `noteListened`.
it('ends well although somebody has removed the locks meanwhile', async () => {
  const tasks = await playTasks(box)
  tasks.make('unlocked')
  const lock = join(box.state, 'locks', 'listen.lock')
  const waiting = box.json('wait', 'unlocked')
  await until('it listens', () => isLocked(lock))
  rmSync(lock)
  tasks.move('unlocked', 'failed', 'because')
  expect((await waiting).exitCode).toBe(0)
  tasks.move('unlocked', 'cancelled', 'enough')
})

// Generous: the machine may be busy. `npm run bench` has the figure, and holds it against 200 ms.
it.each([
  ['by an event', {}, 1500],
  ['by looking, where no event comes', { CHOKIDAR_USEPOLLING: '1', CHOKIDAR_INTERVAL: '3600000' }, 1800],
])('wakes up %s', async (_, env, limit) => {
  const tasks = await playTasks(box)
  const times: number[] = []
  for (let n = 1; n <= 3 || (n <= 10 && Math.min(...times) >= limit); n++) {
    const id = `wakes-${Object.keys(env).length}-${n}`
    tasks.make(id)
    const woken = await wakeUp(box, tasks, id, env)
    times.push(woken)
    tasks.move(id, 'cancelled', 'enough')
  }
  console.log(`from the event to the end of wait: ${times.map((time) => `${time} ms`).join(', ')}`)
  expect(Math.min(...times)).toBeLessThan(limit)
})

it('refuses what is no cursor, and says what to type', async () => {
  const ran = await box.json('wait', '--since', 'yesterday')
  expect([ran.exitCode, ran.json]).toMatchObject([2, { error: { code: 'usage' }, next: ['dirigent wait'] }])
})

// It counts as having listened, so nobody is woken for those others.
it('names others that need somebody, when it was told what to wait for', async () => {
  await spawnTask(box, 'beside', fails, [done])
  await spawnTask(box, 'asked-for', { change: 'none' }, [done])
  await settled(box, 'beside', 'asked-for')
  const { stdout } = await box.verb('wait', 'asked-for')
  expect(stdout).toMatch(/^beside what was waited for: \d+ needs? you: .*\bbeside\b/m)
  expect(stdout).toMatch(/^next: dirigent status$/m)
  expect((await wait('asked-for')).others_need_you).toContain('beside')
  expect((await wait()).others_need_you).toEqual([])
})
