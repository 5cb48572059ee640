/**
 * The verbs of workers know their task from the environment that Dirigent gives them, and are nobody else's; those by
 * which somebody decides are not theirs.
 *
 * Seen to fail: without `refuseWorker` in lib/flows/own-task.ts, and with any repository's in `isWorker` there, "refuse a
 * worker"; with the environment alone there, too.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { runVerb, type Sandbox } from '../support/sandbox.ts'
import { settled, spawnTask } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({}, (made) => {
  box = made
})

it('refuse whoever is no worker, and write nothing', async () => {
  for (const [verb, ...words] of [['inbox'], ['tell', 'a word']] as const) {
    const ran = await box.json(verb, ...words)
    expect([ran.exitCode, ran.json.error.code]).toEqual([3, 'not-a-worker'])
  }
})

it('refuse by a code, in text, too, and say what to do instead', async () => {
  const env = { ...box.env, DIRIGENT_TASK: 'decides', DIRIGENT_REPO: box.repo }
  const { exitCode, stderr } = await runVerb('accept', ['decides'], box.repo, env)
  expect([exitCode, stderr]).toEqual([
    3,
    expect.stringMatching(/^error: not-for-workers: dirigent accept .*\n.*dirigent tell/),
  ])
})

it('refuse a worker that decides, also without its environment, but not in another repository', async () => {
  const verbs = [
    'spawn child --spec -',
    'respawn decides',
    'stop decides',
    'accept decides',
    'reject decides no',
    'land decides',
    'supervise --once',
    'init',
    'init --uninstall',
    'doctor --fix',
    'lesson add rule',
    'lesson retire rule no',
  ]
  const said = join(box.directory, 'said')
  const typed = verbs.map((words) => `dirigent ${words} --json < /dev/null >> ${said}`)
  const bare = `env -i PATH="$PATH" dirigent stop decides --json >> ${said}`
  const other = join(box.directory, 'other')
  const elsewhere = `git init -q ${other}; dirigent init --repo ${other} --json >> ${said}`
  const may = `dirigent doctor --json > /dev/null; dirigent status decides --json >> ${said}`
  const all = [...typed, bare, elsewhere, may].join('; ')
  await spawnTask(box, 'decides', { change: 'none' }, [{ run: all }, { say: 'done' }])
  expect(await settled(box, 'decides')).toMatchObject({ state: 'done', attempt: 1 })
  const answers = readFileSync(said, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const codes = answers.map(({ ok, error }) => (ok ? 'done' : error.code))
  expect(codes).toEqual([...verbs.map(() => 'not-for-workers'), 'not-for-workers', 'done', 'done'])
  expect(existsSync(join(other, '.orchestrator-state'))).toBe(true)
})
