/** kill -9 at any moment: the next verb goes on from the files, and every task is merged exactly once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRunning } from '../../lib/kit/pid.ts'
import { mostLost } from '../../lib/rules/retry.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { exitOf, kill, landed, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox

beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 8, stop_grace_seconds: 1 } })
  breakGit()
})

afterAll(async () => {
  await box.close()
})

/**
 * A git that kills the runner which started it at the command that the first line of the file `crash` names
 * (`before WORDS` or `after WORDS`); the line goes to `crash.done` then. With `late WORDS` it does its work only
 * when the next runner's git is to do the same (`meet WORDS`), just before that. What a test cannot hit by timing it
 * hits by this.
 */
function breakGit() {
  const bin = join(box.directory, 'bin')
  const crash = join(box.directory, 'crash')
  mkdirSync(bin)
  const real = `/usr/bin/env PATH="\${PATH#*:}" git "$@"`
  const script = `#!/bin/sh
read -r when what 2>/dev/null < ${crash} || exec ${real}
case "$*" in
  *"$what"*)
    tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q -e ' --repo ${box.repo} ' || exec ${real}
    echo "$when $what" >> ${crash}.done
    sed -i 1d ${crash}
    case $when in
      late) kill -9 $PPID; until [ -e ${crash}.met ]; do sleep 0.02; done; ${real}; exec touch ${crash}.late ;;
      meet) touch ${crash}.met; until [ -e ${crash}.late ]; do sleep 0.02; done; exec ${real} ;;
    esac
    [ "$when" = before ] || ${real}
    kill -9 $PPID
    exit 1 ;;
esac
exec ${real}
`
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 })
  box.env.PATH = `${bin}:${box.env.PATH}`
}

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const state = (id: string) => box.status(id).state
const activity = (id: string) => box.status(id).activity?.kind

/** Ends everything of a task at once, as a power cut does. */
const killAll = (id: string) => kill(...runnersOf(box, id), ...workersOf(box, id))

async function expectMergedOnce(id: string, files: readonly string[]) {
  expect(await settled(box, id)).toMatchObject({ state: 'merged', workplace: null })
  expect(await landed(box, id)).toHaveLength(files.length)
  // Killed between the line and the state, it writes the line again; the commit is the same.
  const landings = trailOf(box, id).filter((event) => event.type === 'landed')
  expect(new Set(landings.map((event) => event.text)).size).toBe(1)
  for (const file of files) expect(box.read(file)).toBe(`${file}\n`)
  expect(existsSync(join(box.state, 'worktrees', id))).toBe(false)
  expect(workersOf(box, id)).toEqual([])
}

describe.concurrent('a power cut', () => {
  it('before the worker has started: it is started then', async () => {
    await spawnTask(box, 'at-birth', {}, [commit('at-birth.txt'), done])
    kill(...runnersOf(box, 'at-birth'))
    expect((await box.json('status')).exitCode).toBe(0)
    await expectMergedOnce('at-birth', ['at-birth.txt'])
  })

  it('while it waits to land: it lands', async () => {
    await spawnTask(box, 'landing', {}, [commit('landing.txt'), done])
    await until('the landing', () => state('landing') === 'landing' || state('landing') === 'merged')
    kill(...runnersOf(box, 'landing'))
    await expectMergedOnce('landing', ['landing.txt'])
  })

  it('right after it was merged: it is put away', async () => {
    await spawnTask(box, 'merged', {}, [commit('merged.txt'), done])
    await until('the merge', () => state('merged') === 'merged')
    kill(...runnersOf(box, 'merged'))
    await expectMergedOnce('merged', ['merged.txt'])
    expect(box.task('merged')).toContain('/archive/')
    expect(await box.git('branch', '--list', 'dirigent/merged')).toBe('')
  })
})

// One after the other: whichever verb looks first is the one that sees the loss.
describe('a power cut that status sees', () => {
  it('in the middle of a turn: it is shown as lost with its evidence, once, and another attempt finishes', async () => {
    await spawnTask(
      box,
      'mid-turn',
      { attempts: 1 },
      {
        attempts: [
          [commit('first.txt'), { run: 'echo second.txt > second.txt; sleep 60' }],
          [{ run: 'git add -A && git commit -qm "add second.txt"' }, done],
        ],
      },
    )
    await until('the second command', () => box.status('mid-turn').activity?.what?.includes('sleep 60'))
    const cut = new Date().toISOString()
    killAll('mid-turn')
    const shown = await box.json('status', 'mid-turn')
    expect(shown.json.data.task).toMatchObject({
      state: 'running',
      health: 'lost',
      evidence: 'its runner died (run.lock is free, neither runner nor worker lives)',
    })
    const again = await box.json('status', 'mid-turn')
    expect(again.json.data.task.health).not.toBe('lost')
    await expectMergedOnce('mid-turn', ['first.txt', 'second.txt'])
    // Being killed is not the task's fault: its one try was not spent by it.
    expect(box.status('mid-turn')).toMatchObject({ attempt: 2, tries: 0, lost: 0 })
    expect(exitOf(box, 'mid-turn', 1).failure).toMatchObject({ class: 'lost' })
    // The time until somebody noticed is not the worker's.
    expect(exitOf(box, 'mid-turn', 1).ended <= cut).toBe(true)
    expect(
      (await landed(box, 'mid-turn')).map((message) => /Dirigent-Attempt: (\d)/.exec(message)?.[1]),
    ).toEqual(['2', '1'])
  })

  it('while a check runs: it is run again, and nothing of the old one is left', async () => {
    await spawnTask(box, 'in-check', { verify: ['test -f ../../../released || sleep 60'] }, [
      commit('in-check.txt'),
      done,
    ])
    await until(
      'the check',
      () => activity('in-check') === 'checking' && workersOf(box, 'in-check').length > 0,
    )
    const old = workersOf(box, 'in-check')
    kill(...runnersOf(box, 'in-check'))
    box.write('released', '')
    const shown = await box.json('status', 'in-check')
    expect(shown.json.data.task).toMatchObject({ state: 'verifying', health: 'lost' })
    await expectMergedOnce('in-check', ['in-check.txt'])
    for (const pid of old)
      expect(existsSync(`/proc/${pid}/environ`) && workersOf(box, 'in-check').includes(pid)).toBe(false)
    expect(box.status('in-check').attempt).toBe(1)
  })
})

describe('kill -9 of the runner', () => {
  it.each([
    [
      'as its worktree is made and as leftovers are committed',
      [
        'before worktree add',
        'after worktree add',
        'before leftovers committed',
        'after leftovers committed',
      ],
    ],
    // Seen to fail: with `git-failed` alone tried again in `addFresh`: "The branch … is there already".
    ['as its worktree is made by a git that goes on', ['late worktree add', 'meet worktree add']],
    [
      'as the branch is rebased and as the main checkout moves',
      [
        'before read-tree --reset -u',
        'after read-tree --reset -u',
        'before read-tree -m -u',
        'after read-tree -m -u',
      ],
    ],
    [
      'as the base moves and as the branch is removed',
      ['before -m dirigent: landed', 'after -m dirigent: landed', 'after update-ref -d'],
    ],
  ])('%s: each time the next verb goes on', async (what, points) => {
    const id = what.replace(/[^a-z]+/g, '-')
    const moved = `${id}-moved.txt`
    writeFileSync(join(box.directory, 'crash'), `${points.join('\n')}\n`)
    writeFileSync(join(box.directory, 'crash.done'), '')
    // The base moves meanwhile, so that the branch is rebased and checked again.
    await spawnTask(box, id, { verify: ['true'] }, [
      commit(`${id}-a.txt`),
      {
        run: `cd ../../.. && echo ${moved} > ${moved} && git add ${moved} && git commit -qm 'a person' -- ${moved}`,
      },
      { run: `echo ${id}-b.txt > ${id}-b.txt` },
      done,
    ])
    await expectMergedOnce(id, [`${id}-a.txt`, `${id}-b.txt`])
    expect(readFileSync(join(box.directory, 'crash.done'), 'utf8')).toBe(`${points.join('\n')}\n`)
    expect(box.status(id).attempt).toBe(1)
    expect(box.read(moved)).toBe(`${moved}\n`)
    expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
  })
})

it('does not take for a person’s work what a landing that was cut short left in the main checkout', async () => {
  const go = (file: string) => ({ run: `while ! test -f ../../../${file}; do sleep 0.1; done` })
  await spawnTask(box, 'cut-short', {}, [go('go-cut'), commit('cut-short.txt'), done])
  await spawnTask(box, 'next-in-line', {}, [go('go-next'), commit('next-in-line.txt'), done])
  for (const id of ['cut-short', 'next-in-line']) await until(id, () => activity(id) === 'tool')
  writeFileSync(join(box.directory, 'crash'), 'after read-tree -m -u\n')
  box.write('go-cut', '')
  await until(
    'the kill',
    () => existsSync(join(box.repo, 'cut-short.txt')) && runnersOf(box, 'cut-short').length === 0,
  )
  expect(await landed(box, 'cut-short')).toEqual([])
  // No verb looks until the other has landed.
  box.write('go-next', '')
  await until('the other landing', () => state('next-in-line') === 'merged')
  await expectMergedOnce('next-in-line', ['next-in-line.txt'])
  await expectMergedOnce('cut-short', ['cut-short.txt'])
  expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
})

describe.concurrent('kill -9 of one of the two', () => {
  // The proof that run.lock is handed down. Seen to fail: without `held.fd` in the worker's `stdio`
  // (lib/flows/runner/attempt.ts) the lock is free as soon as the runner is dead, and the next verb ends the worker.
  it('of the runner: its worker goes on, is not started twice, and its work is taken over', async () => {
    const wait = 'while ! test -f ../../../go-on; do sleep 0.1; done'
    await spawnTask(box, 'widow', {}, [{ run: wait }, commit('widow.txt'), done])
    await until('the command', () => activity('widow') === 'tool')
    const { pid } = box.status('widow').worker
    kill(...runnersOf(box, 'widow'))
    const shown = await box.json('status', 'widow')
    expect(shown.json.data.task).toMatchObject({ state: 'running', attempt: 1 })
    expect(shown.json.data.task.health).not.toBe('lost')
    expect(workersOf(box, 'widow')).toContain(pid)
    expect(runnersOf(box, 'widow')).toEqual([])
    box.write('go-on', '')
    await expectMergedOnce('widow', ['widow.txt'])
    expect(box.status('widow').attempt).toBe(1)
    expect(box.model.requests.filter(({ prompt }) => prompt.includes('\nTask: widow\n')).length).toBe(3)
  })

  it('of the worker: the next attempt finishes', async () => {
    await spawnTask(
      box,
      'orphaned',
      {},
      { attempts: [[{ run: 'sleep 60' }], [commit('orphaned.txt'), done]] },
    )
    await until('the command', () => activity('orphaned') === 'tool')
    kill(box.status('orphaned').worker.pid)
    await expectMergedOnce('orphaned', ['orphaned.txt'])
    expect(box.status('orphaned').attempt).toBe(2)
  })
})

describe('a runner that is told to end, as by a shutdown', () => {
  it('leaves its task at the checks, which the next verb goes on with', async () => {
    const gate = join(box.directory, 'told-gate')
    const check = `while [ ! -e ${gate} ]; do sleep 0.05; done`
    await spawnTask(box, 'told', { verify: [check] }, [commit('told.txt'), done])
    await until('its check', () => activity('told') === 'checking')
    process.kill(box.status('told').runner.pid, 'SIGTERM')
    await until('its end', () => runnersOf(box, 'told').length === 0)
    expect(state('told')).toBe('verifying')
    writeFileSync(gate, '')
    expect(await settled(box, 'told')).toMatchObject({ state: 'merged', attempt: 1 })
  })
})

it('puts back what a worker moved, and counts its tokens, although the runner was killed meanwhile', async () => {
  const before = await box.git('rev-parse', 'main')
  const gate = join(box.directory, 'mover-gate')
  const move = `git commit -q --allow-empty -m sneaked && git update-ref refs/heads/main HEAD && touch ${gate}.moved; while [ ! -e ${gate} ]; do sleep 0.05; done; git reset -q --hard HEAD~1`
  await spawnTask(box, 'mover', {}, [{ run: move }, commit('mover.txt'), done])
  await until('the move', () => existsSync(`${gate}.moved`))
  kill(...runnersOf(box, 'mover'))
  writeFileSync(gate, '')
  await until('the worker’s end', () => workersOf(box, 'mover').length === 0)
  const status = await settled(box, 'mover')
  expect(status).toMatchObject({ state: 'merged', attempt: 1 })
  expect(status.flags.join()).toContain('put back to')
  expect(status.usage.total).toBeGreaterThan(1000)
  expect(await box.git('log', '--format=%s', `${before}..main`)).toBe('add mover.txt')
})

it('gives up on a task that is lost again and again, and says so', async () => {
  await spawnTask(box, 'cursed', {}, [{ run: 'sleep 60' }])
  for (let n = 1; n <= mostLost; n++) {
    await until(
      `attempt ${n}`,
      () =>
        state('cursed') === 'running' && box.status('cursed').attempt === n && activity('cursed') === 'tool',
    )
    killAll('cursed')
    expect((await box.json('status', 'cursed')).json.data.task).toMatchObject({ health: 'lost' })
    // The loss is settled by its new runner, which then starts the next attempt.
    if (n < mostLost)
      await until('the next attempt', () => {
        const status = box.status('cursed')
        expect(status.state, status.reason).not.toBe('failed')
        return status.attempt > n
      })
  }
  const status = box.status('cursed')
  expect(status).toMatchObject({ state: 'failed', tries: 0, attempt: mostLost })
  expect(status.reason).toContain(`lost ${mostLost} times in a row`)
  expect((await box.json('wait', 'cursed', '--timeout', '5s')).json.data.attention).toEqual([
    { id: 'cursed', why: status.reason },
  ])
})

it('does not take a runner for alive that has ended and that nobody waited for', async () => {
  // The shell becomes a program that never asks about its child.
  const shell = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const [line] = await once(shell.stdout, 'data')
    const child = Number(String(line))
    await until('its end', () => readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z '))
    expect(isRunning(child)).toBe(false)
    expect(isRunning(process.pid)).toBe(true)
  } finally {
    shell.kill('SIGKILL')
  }
})

/** mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

it('survives fifteen kills at random moments', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  console.info(`random kills: SEED=${seed}`)
  const random = randomFrom(seed)
  const ids = ['r-one', 'r-two', 'r-three', 'r-four']
  for (const id of ids) {
    // Every attempt does what is left to do, so that any of them may be cut.
    const step = (file: string) => ({
      run: `test -f ${file} || echo ${file} > ${file}; git add ${file}; git diff --cached --quiet || git commit -qm 'add ${file}'`,
    })
    await spawnTask(box, id, { attempts: 50, verify: ['sleep 0.2'] }, [
      step(`${id}-a.txt`),
      { run: 'sleep 0.2' },
      step(`${id}-b.txt`),
      done,
    ])
  }
  const live = () => ids.filter((id) => existsSync(join(box.state, 'tasks', id)))
  for (let n = 0; n < 15 && live().length > 0; n++) {
    await delay(random() * 400)
    const candidates = live().filter(
      (id) => existsSync(join(box.state, 'tasks', id)) && box.status(id).lost < mostLost - 1,
    )
    const id = candidates[Math.floor(random() * candidates.length)]
    const what = random()
    if (id) {
      if (what < 0.7) kill(...runnersOf(box, id))
      if (what > 0.4) kill(...workersOf(box, id))
    }
    const shown = await box.json('status')
    expect(shown.exitCode, shown.stderr).toBe(0)
  }
  const waited = await box.json('wait', ...ids, '--until', 'settled', '--timeout', '50s')
  const report = ids
    .map((id) =>
      trailOf(box, id)
        .map((event) => `${event.task} ${event.type} ${event.to ?? ''} ${event.text}`)
        .join('\n'),
    )
    .join('\n\n')
  expect(
    waited.json.data.tasks.map((task: { state: string }) => task.state),
    report,
  ).toEqual(ids.map(() => 'merged'))
  for (const id of ids) await expectMergedOnce(id, [`${id}-a.txt`, `${id}-b.txt`])
  expect(await box.git('status', '--porcelain', '--untracked-files=no')).toBe('')
})
