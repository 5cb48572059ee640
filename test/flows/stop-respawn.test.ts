/** Stopping at every point of a task's life, and going on afterwards. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLocked } from '../../lib/kit/lock.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import {
  attemptFile,
  exitOf,
  kill,
  landed,
  runnersOf,
  settled,
  spawnTask,
  trailOf,
  workersOf,
} from '../support/tasks.ts'

let box: Sandbox

beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 8, stop_grace_seconds: 1 } })
})

afterAll(async () => {
  await box.close()
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const inCommand = (id: string, text: string) =>
  until(
    `${id} in its command`,
    () => box.status(id).activity?.kind === 'tool' && box.status(id).activity.what.includes(text),
  )

/** Nothing runs for it, and nobody holds it. */
async function expectAtRest(id: string) {
  expect(workersOf(box, id)).toEqual([])
  // The runner starts what became ready after it let go of the task.
  await until(`the end of the runner of ${id}`, () => runnersOf(box, id).length === 0)
  expect(await isLocked(join(box.task(id), 'run.lock'))).toBe(false)
  expect(existsSync(join(box.task(id), 'stop.json'))).toBe(false)
}

describe.concurrent('stop', () => {
  it('ends a live attempt, keeps its work, and respawn goes on from there', async () => {
    await spawnTask(
      box,
      'live',
      {},
      {
        attempts: [
          [commit('kept.txt'), { run: 'echo half > half.txt; sleep 60' }],
          [commit('rest.txt'), done],
        ],
      },
    )
    await inCommand('live', 'sleep 60')
    const stopped = await box.json('stop', 'live')
    expect(stopped.json).toMatchObject({ ok: true, data: { task: { state: 'waiting' } } })
    await expectAtRest('live')
    expect(exitOf(box, 'live', 1).failure).toMatchObject({ class: 'stopped', retryable: false })
    const status = box.status('live')
    expect(status).toMatchObject({ state: 'waiting', tries: 0 })
    expect(readFileSync(join(status.workplace.worktree, 'half.txt'), 'utf8')).toBe('half\n')
    expect((await box.json('status', 'live')).json.data.task.attention).toContain('stopped by dirigent stop')

    expect((await box.json('respawn', 'live')).json.data.task).toMatchObject({ state: 'running', attempt: 2 })
    expect(await settled(box, 'live')).toMatchObject({ state: 'merged' })
    expect(attemptFile(box, 'live', 2, 'prompt.md')).toContain('add kept.txt')
    expect(box.read('half.txt')).toBe('half\n')
  })

  it('ends a worker whose command ignores every polite signal', async () => {
    await spawnTask(box, 'deaf', {}, [{ run: "trap '' INT TERM HUP; while :; do sleep 0.2; done" }])
    await inCommand('deaf', 'trap')
    expect((await box.json('stop', 'deaf')).json.data.task).toMatchObject({ state: 'waiting' })
    await expectAtRest('deaf')
  })

  it('ends what the worker put into the background and into another session', async () => {
    await spawnTask(box, 'spreading', {}, [
      { run: 'nohup sleep 611 >/dev/null 2>&1 & setsid sleep 612 >/dev/null 2>&1 & sleep 613' },
    ])
    await inCommand('spreading', 'sleep 613')
    await until('the background', () => workersOf(box, 'spreading').length >= 4)
    await box.json('stop', 'spreading')
    await expectAtRest('spreading')
  })

  it('takes a queued task out of the queue', async () => {
    await spawnTask(box, 'never', { attempts: 1 }, [done])
    await settled(box, 'never')
    await spawnTask(box, 'behind', { needs: ['never'] }, [commit('behind.txt'), done])
    expect(box.status('behind').state).toBe('queued')
    expect((await box.json('stop', 'behind')).json.data.task).toMatchObject({ state: 'waiting' })
    expect((await box.json('stop', 'behind', '--cancel')).json.data.task).toMatchObject({
      state: 'cancelled',
    })
    expect(box.task('behind')).toContain('/archive/')
  })

  it('ends a check that runs, and nothing is merged', async () => {
    await spawnTask(box, 'in-check', { verify: ['sleep 60'] }, [commit('in-check.txt'), done])
    await until('the check', () => box.status('in-check').activity?.kind === 'checking')
    expect((await box.json('stop', 'in-check')).json.data.task).toMatchObject({ state: 'waiting' })
    await expectAtRest('in-check')
    expect(await landed(box, 'in-check')).toEqual([])
  })

  it('is heeded by a landing that waits for its turn', async () => {
    const land = join(box.state, 'locks', 'land.lock')
    const holder = spawn('flock', [land, 'sleep', '60'], { stdio: 'ignore', detached: true })
    try {
      await until('the lock', () => isLocked(land))
      await spawnTask(box, 'in-line', {}, [commit('in-line.txt'), done])
      await until('the landing', () => box.status('in-line').activity?.kind === 'landing')
      expect((await box.json('stop', 'in-line')).json).toMatchObject({
        ok: true,
        data: { task: { state: 'waiting' } },
      })
      await expectAtRest('in-line')
    } finally {
      if (holder.pid) process.kill(-holder.pid, 'SIGKILL')
    }
    expect(await landed(box, 'in-line')).toEqual([])
  })

  it('with --cancel ends the task and keeps its work under a ref', async () => {
    await spawnTask(box, 'dropped', {}, [commit('done.txt'), { run: 'echo loose > loose.txt; sleep 60' }])
    await inCommand('dropped', 'sleep 60')
    const { worktree } = box.status('dropped').workplace
    expect((await box.json('stop', 'dropped', '--cancel')).json.data.task).toMatchObject({
      state: 'cancelled',
    })
    const kept = await box.git('ls-tree', '--name-only', 'refs/dirigent/kept/dropped/1')
    expect(kept.split('\n')).toEqual(expect.arrayContaining(['done.txt', 'loose.txt']))
    expect(await box.git('branch', '--list', 'dirigent/dropped')).toBe('')
    expect(existsSync(worktree)).toBe(false)
    expect(await box.git('worktree', 'list')).not.toContain('dropped')
    expect(box.task('dropped')).toContain('/archive/')
    expect(await landed(box, 'dropped')).toEqual([])
    await expectAtRest('dropped')
    expect(trailOf(box, 'dropped')).toContainEqual(
      expect.objectContaining({
        type: 'kept',
        text: expect.stringContaining('refs/dirigent/kept/dropped/1'),
      }),
    )
    const again = await box.json('stop', 'dropped')
    expect(again).toMatchObject({ exitCode: 3, json: { ok: false, error: { code: 'illegal-transition' } } })
  })

  it('ends a worker whose runner is gone', async () => {
    await spawnTask(box, 'widowed', {}, [{ run: 'echo 1 > widowed.txt; sleep 60' }])
    await inCommand('widowed', 'sleep 60')
    kill(...runnersOf(box, 'widowed'))
    expect((await box.json('stop', 'widowed')).json.data.task).toMatchObject({ state: 'waiting' })
    await expectAtRest('widowed')
    expect(existsSync(join(box.status('widowed').workplace.worktree, 'widowed.txt'))).toBe(true)
  })
})

describe.concurrent('respawn', () => {
  it('gives a failed task all its attempts again', async () => {
    await spawnTask(box, 'again', { attempts: 1 }, { attempts: [[done], [commit('again.txt'), done]] })
    expect(await settled(box, 'again')).toMatchObject({ state: 'failed', tries: 1 })
    expect((await box.json('respawn', 'again')).exitCode).toBe(0)
    expect(await settled(box, 'again')).toMatchObject({ state: 'merged', attempt: 2 })
  })

  it('with --spec refines the task and keeps the revision before', async () => {
    await spawnTask(
      box,
      'refined',
      { attempts: 1, verify: ['test -f right.txt'] },
      [commit('wrong.txt'), done],
      'Make wrong.txt.',
    )
    expect(await settled(box, 'refined')).toMatchObject({ state: 'failed' })
    const before = readFileSync(join(box.task('refined'), 'spec.md'), 'utf8')
    const better = box.spec(
      { title: 'Refined', verify: ['test -f right.txt'] },
      [commit('right.txt'), done],
      'Make right.txt.',
    )
    expect((await box.json('respawn', 'refined', '--spec', better)).exitCode).toBe(0)
    expect(await settled(box, 'refined')).toMatchObject({
      state: 'merged',
      title: 'Refined',
      spec_revision: 2,
    })
    expect(readFileSync(join(box.task('refined'), 'log', 'spec-1.md'), 'utf8')).toBe(before)
    expect(readFileSync(join(box.task('refined'), 'spec.md'), 'utf8')).toBe(readFileSync(better, 'utf8'))
    const prompt = attemptFile(box, 'refined', 2, 'prompt.md')
    const [task = '', change = ''] = prompt.split('# The spec has changed since your last attempt')
    expect(task).toContain('\n\nMake right.txt.')
    expect(task).not.toContain('Make wrong.txt.')
    expect(change).toContain('\n-Make wrong.txt.\n+Make right.txt.\n')
    expect(change).toContain(
      join(
        box
          .task('refined')
          .replace('/archive/', '/tasks/')
          .replace(/\d{4}-\d\d\//, ''),
        'log',
        'spec-1.md',
      ),
    )
    expect(box.status('refined').told_revision).toBe(2)
  })

  it('with --fresh begins again from the base and keeps what there was', async () => {
    await spawnTask(
      box,
      'anew',
      { attempts: 1, verify: ['test ! -f first.txt'] },
      {
        attempts: [
          [commit('first.txt'), done],
          [commit('second.txt'), done],
        ],
      },
    )
    expect(await settled(box, 'anew')).toMatchObject({ state: 'failed' })
    const tip = await box.git('rev-parse', 'dirigent/anew')
    expect((await box.json('respawn', 'anew', '--fresh')).exitCode).toBe(0)
    expect(await settled(box, 'anew')).toMatchObject({ state: 'merged' })
    expect(existsSync(join(box.repo, 'first.txt'))).toBe(false)
    expect(existsSync(join(box.repo, 'second.txt'))).toBe(true)
    const kept = await box.git('for-each-ref', '--format=%(objectname)', 'refs/dirigent/kept/anew')
    expect(kept.split('\n')).toContain(tip)
    const prompt = attemptFile(box, 'anew', 2, 'prompt.md')
    expect(prompt).not.toContain('Already committed')
    expect(prompt).not.toContain('Why the last attempt')
  })

  it('is refused while the task is under way, and changes nothing', async () => {
    await spawnTask(box, 'busy', {}, [{ run: 'sleep 60' }])
    await inCommand('busy', 'sleep 60')
    const other = box.spec({ title: 'Other' }, [done])
    const refused = await box.json('respawn', 'busy', '--spec', other)
    expect(refused).toMatchObject({ exitCode: 3, json: { ok: false, error: { code: 'illegal-transition' } } })
    expect(box.status('busy')).toMatchObject({
      state: 'running',
      attempt: 1,
      spec_revision: 1,
      title: 'busy',
    })
    await box.json('stop', 'busy', '--cancel')
  })

  it('goes on after a stop with the failure that came before it', async () => {
    await spawnTask(
      box,
      'reminded',
      { verify: ['test -f good.txt || { echo make good.txt; exit 1; }'] },
      {
        attempts: [[commit('reminded.txt'), done], [{ run: 'sleep 60' }], [commit('good.txt'), done]],
      },
    )
    await until('the second attempt', () => box.status('reminded').attempt === 2)
    await inCommand('reminded', 'sleep 60')
    await box.json('stop', 'reminded')
    writeFileSync(join(box.task('reminded'), 'inbox', 'go.md'), 'Go on now.')
    await box.json('respawn', 'reminded')
    expect(await settled(box, 'reminded')).toMatchObject({ state: 'merged', attempt: 3 })
    const prompt = attemptFile(box, 'reminded', 3, 'prompt.md')
    expect(prompt).toContain('make good.txt')
    expect(prompt).toContain('Go on now.')
    expect(
      (await landed(box, 'reminded')).map((message) => /Dirigent-Attempt: (\d)/.exec(message)?.[1]),
    ).toEqual(['3', '1'])
  })
})
