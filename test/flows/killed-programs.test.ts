/**
 * SIGKILL for the programs that a runner starts, while the runner itself lives (who runs out of memory does not
 * choose). A git that was killed has said neither yes nor no: the task goes on from its files, with nobody's help.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { landed, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
const list = (program: string) => join(box.directory, `${program}.kill`)

beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 1 } })
  mkdirSync(join(box.directory, 'bin'))
  for (const program of ['git', 'flock']) wrap(program)
  box.env.PATH = `${join(box.directory, 'bin')}:${box.env.PATH}`
})

afterAll(async () => {
  await box.close()
})

/**
 * A program that a runner started kills itself at the command that the first line of `PROGRAM.kill` names
 * (`before WORDS`, `after WORDS`, or `amid WORDS`: with the worktree's entry still locked); the line is gone then.
 */
function wrap(program: string): void {
  const real = `/usr/bin/env PATH="\${PATH#*:}" ${program} "$@"`
  const script = `#!/bin/sh
read -r when what 2>/dev/null < ${list(program)} || exec ${real}
case "$*" in
  *"$what"*)
    tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q -e ' --repo ${box.repo} ' || exec ${real}
    sed -i 1d ${list(program)}
    [ "$when" = torn ] && read -r _ ref to _ && echo $to > ${box.repo}/.git/$ref
    [ "$when" = before ] || [ "$when" = torn ] || ${real}
    [ "$when" = amid ] && for entry in ${box.repo}/.git/worktrees/*; do echo initializing > $entry/locked; done
    kill -9 $$ ;;
esac
exec ${real}
`
  writeFileSync(join(box.directory, 'bin', program), script, { mode: 0o755 })
}

/** Kills programs of a task that leaves a file uncommitted; everything of it lands all the same. */
async function survive(id: string, program: string, points: readonly string[]): Promise<void> {
  writeFileSync(list(program), points.map((point) => `${point}\n`).join(''))
  await spawnTask(box, id, { verify: ['true'], attempts: 1 }, [
    {
      run: `echo ${id} > ${id}.txt && git add ${id}.txt && git commit -qm 'add ${id}'; echo left > ${id}-left.txt`,
    },
    { say: 'done' },
  ])
  const status = await settled(box, id)
  const trail = trailOf(box, id).map(({ text }) => text)
  expect(status, trail.join('\n')).toMatchObject({ state: 'merged', attempt: 1, workplace: null })
  expect(readFileSync(list(program), 'utf8')).toBe('')
  expect(await landed(box, id)).toHaveLength(2)
  expect([box.read(`${id}.txt`), box.read(`${id}-left.txt`)]).toEqual([`${id}\n`, 'left\n'])
  expect(readdirSync(join(box.state, 'worktrees')).filter((name) => name.startsWith(id))).toEqual([])
  expect(await box.git('status', '--porcelain')).toBe('')
}

/**
 * Seen to fail: without `refuseKilled` in the door to git, by tasks that fail ("exit code SIGKILL"); without `lostProgram` in the runner, by tasks that fail
 * ("was killed by SIGKILL, and not by us"); with the worktree moved aside, by what is left in worktrees/; with one
 * --force for `worktree add`, by a task that fails ("The branch dirigent/making-it is there already").
 */
it.each([
  ['making-it', ['before worktree add', 'amid worktree add', 'after worktree add']],
  ['proving-it', ['before status --porcelain=v2', 'before leftovers committed', 'after leftovers committed']],
  ['replaying-it', ['before log --reverse', 'before commit-tree', 'before for-each-ref']],
  ['bringing-it', ['before read-tree -m -u', 'after read-tree -m -u']],
  ['landing-it', ['before -m dirigent: landed', 'after -m dirigent: landed', 'after update-ref -d']],
])('a git that is killed while %s: the runner goes on in the same attempt', async (id, points) => {
  await survive(id, 'git', points)
})

/** Seen to fail: with `mostKilled` 1 in kit/flock.ts and without `lostProgram` in the runner, by a task that fails. */
it('a flock that is killed, before and after it has the lock, is asked again', async () => {
  await survive('locking-it', 'flock', ['before -x', 'after -x', 'before -u', 'after -u'])
})

/**
 * Seen to fail: without `isLandingOf` in runner/guard.ts and `noteLanded` in runner/land.ts: "main had been moved
 * during the attempt; put back". The landed commit is taken off the base, and its task stays merged.
 */
it('a git that is killed between the refs of a landing: nobody takes the landing for a worker’s doing', async () => {
  const go = join(box.directory, 'go')
  await spawnTask(box, 'watcher', {}, [
    { run: `while [ ! -e ${go} ]; do sleep 0.05; done; echo watcher > watcher.txt` },
    { say: 'done' },
  ])
  await until('its command', () => box.status('watcher').activity?.kind === 'tool')
  // The base has moved, and neither the log of HEAD nor the ref of what landed says so.
  writeFileSync(list('git'), 'torn -m dirigent: landed\n')
  await spawnTask(box, 'torn', {}, [{ run: 'echo torn > torn.txt' }, { say: 'done' }])
  expect(await settled(box, 'torn')).toMatchObject({ state: 'merged' })
  expect(readFileSync(list('git'), 'utf8')).toBe('')
  writeFileSync(go, '')
  expect((await settled(box, 'watcher')).flags.filter((flag: string) => flag.includes('main'))).toEqual([])
  expect(await landed(box, 'torn')).toHaveLength(1)
  expect(await box.git('status', '--porcelain')).toBe('')
})

/**
 * Seen to fail: without `finishBringing` in runner/workplace.ts: the files that were not there yet counted as deleted
 * by the worker, and its change took them off the base.
 */
it('a git that is killed while it brings the worktree to the base, again and again: nothing of others is undone', async () => {
  const go = join(box.directory, 'go-half')
  const wait = `while [ ! -e ${go} ]; do sleep 0.05; done`
  await spawnTask(
    box,
    'half',
    { verify: ['true'] },
    { attempts: [[{ run: `${wait}; echo half > half.txt` }, { say: 'done' }], [{ say: 'still done' }]] },
  )
  await until('its command', () => box.status('half').activity?.kind === 'tool')
  await spawnTask(box, 'other', {}, [{ run: 'echo other > other.txt' }, { say: 'done' }])
  expect(await settled(box, 'other')).toMatchObject({ state: 'merged' })
  writeFileSync(list('git'), 'before read-tree --reset\n'.repeat(5))
  writeFileSync(go, '')
  expect(await settled(box, 'half')).toMatchObject({ state: 'failed' })
  expect(readFileSync(list('git'), 'utf8')).toBe('')
  expect((await box.verb('respawn', 'half')).exitCode).toBe(0)
  expect(await settled(box, 'half')).toMatchObject({ state: 'merged', attempt: 2 })
  expect([box.read('other.txt'), box.read('half.txt')]).toEqual(['other\n', 'half\n'])
  expect(await box.git('log', '--format=', '--name-only', '-1')).toBe('half.txt')
})
