/**
 * A program of the person's as a worker: it reads the prompt on stdin.
 *
 * Seen to fail: without `atEnd` in lib/flows/runner/conclude.ts, "is merged"; without the look whether it has hooks in
 * lib/flows/hook-marks.ts "a message waits", and without `isShell` in lib/flows/runner/attend.ts, too; without `missing` in
 * lib/tools/command/command.ts, "is refused"; without lib/flows/runner/flood.ts, "is ended when it prints".
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, settled, spawnTask, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({
    config: {
      worker: 'command',
      command: { run: 'cat > told.txt; sh -e ../story.sh', env: ['ANTHROPIC_API_KEY'] },
      stop_grace_seconds: 1,
    },
  })
})
afterAll(async () => {
  await box.close()
})

const story = (text: string) => box.write('.orchestrator-state/worktrees/story.sh', text)

it('is merged when it exits with 0; the end of what it printed is the report', async () => {
  box.env.ANTHROPIC_API_KEY = 'k'
  story(
    'echo "$DIRIGENT_TASK by $DIRIGENT_MODEL, $DIRIGENT_EFFORT, $ANTHROPIC_API_KEY"; git add told.txt; git commit -qm told; echo All done.',
  )
  await spawnTask(box, 'plain', { model: 'm1', effort: 'low', verify: ['test -z "$ANTHROPIC_API_KEY"'] }, [])
  expect(await settled(box, 'plain')).toMatchObject({
    state: 'merged',
    settings: { worker: 'command' },
    usage: { total: 0 },
    flags: [],
  })
  const report = readFileSync(join(box.task('plain'), 'report.md'), 'utf8')
  expect(report).toBe('plain by m1, low, k\nAll done.\n')
  expect(`${await box.git('show', 'main:told.txt')}\n`).toBe(attemptFile(box, 'plain', 1, 'prompt.md'))
  expect(exitOf(box, 'plain', 1)).toMatchObject({ thread: null, exit_code: 0, failure: null })
})

it('fails with its code and the end of what it complained about', async () => {
  story('echo first >&2; echo "no such model" >&2; exit 3')
  await spawnTask(box, 'fails', { attempts: 1 }, [])
  expect(await settled(box, 'fails')).toMatchObject({
    state: 'failed',
    failure: { class: 'crash', message: 'ended with 3: first no such model' },
  })
})

it('is ended when it prints without end', async () => {
  story('truncate --size 2G "$DIRIGENT_TASK_DIR"/log/attempt-001/stderr.log; sleep 76')
  await spawnTask(box, 'floods', { attempts: 3 }, [])
  expect(await settled(box, 'floods')).toMatchObject({
    state: 'failed',
    attempt: 1,
    failure: { class: 'crash', message: expect.stringContaining('more than 1 GiB') },
  })
})

it('is ended by stop with all that it started; a message waits for the next attempt, which begins anew', async () => {
  story(`trap 'echo "was interrupted"; exit 9' INT; printf 'one\\nhas begun\\n'; setsid sleep 74 & sleep 75`)
  await spawnTask(box, 'long', {}, [])
  await until('its words', () => box.status('long').activity?.what === 'has begun')
  expect((await box.verb('status', 'long')).stdout).toContain('has begun')
  const sent = await box.verb('send', 'long', 'The colour is blue.')
  expect(sent.stdout).toMatch(/waits for the next attempt/)
  expect((await box.json('stop', 'long')).exitCode).toBe(0)
  expect(workersOf(box, 'long')).toEqual([])
  // Its shell would have kept the signal to itself.
  expect(attemptFile(box, 'long', 1, 'worker.jsonl')).toContain('was interrupted')
  story('git add told.txt; git commit -qm told')
  await box.verb('respawn', 'long')
  expect(await settled(box, 'long')).toMatchObject({ state: 'merged' })
  expect(exitOf(box, 'long', 2)).toMatchObject({ resumed: false })
  expect(await box.git('show', 'main:told.txt')).toContain('The colour is blue.')
})

it('asks, and is told the answer when it is started again', async () => {
  story(
    'if grep -q Blue told.txt; then git add told.txt; git commit -qm told; else dirigent ask "Red or blue?"; fi',
  )
  await spawnTask(box, 'asks', {}, [])
  await until('its question', () => box.status('asks').state === 'waiting')
  await box.verb('send', 'asks', 'Blue.')
  expect(await settled(box, 'asks')).toMatchObject({ state: 'merged', tries: 0, attempt: 2 })
})

it('is refused before anything is made when no command is known, and cannot be asked on the side', async () => {
  const aside = await box.json('ask-worker', 'fails', 'Why?')
  expect(aside.json.error).toMatchObject({
    code: 'no-thread',
    message: expect.stringContaining('has no thread'),
  })
  const spec = box.spec({ title: 'none' }, [])
  for (const run of [undefined, ' ', 'no-such-agent --stdin', '/no/such/agent']) {
    box.configure({ worker: 'command', ...(run && { command: { run } }) })
    const refused = await box.json('spawn', 'none', '--spec', spec)
    expect(refused.json.error).toMatchObject({
      code: 'worker-not-found',
      hint: expect.stringContaining('command.run'),
    })
  }
  expect(existsSync(box.task('none'))).toBe(false)
  expect((await box.json('doctor')).json.data.findings.map(({ code }: { code: string }) => code)).toContain(
    'worker-unusable',
  )
})
