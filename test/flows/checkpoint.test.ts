/**
 * Checkpoints: the worker's verb, and the one that is written for a worker that wrote none.
 *
 * Seen to fail: without the check of the sections; without `keepOld`; without the hash in refs.json (an attempt with a
 * checkpoint from the one before got no automatic one); `keepPosition` left out of run.ts, or of attempt.ts; the automatic
 * one without what it carries on.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkpointProblem, sectionsOf } from '../../lib/rules/checkpoint.ts'
import { refused } from '../support/bad-input.ts'
import { makeSandbox, runVerb, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, kill, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const noted = (what: string) =>
  `## Done\n${what}\n## Now\n${what} goes on\n## Next\nafter ${what}\n## Notes\n`
const note = (what: string) => ({ run: `dirigent checkpoint <<'END'\n${noted(what)}END` })
const current = (id: string) => readFileSync(join(box.task(id), 'checkpoint.md'), 'utf8')
const old = (id: string) => readdirSync(join(box.task(id), 'log')).filter((name) => /^checkpoint-/.test(name))

/** The verb as a worker of the task types it. */
const asWorker = (id: string, input: string, ...args: string[]) => {
  const env = { ...box.env, DIRIGENT_TASK: id, DIRIGENT_REPO: box.repo }
  return runVerb('checkpoint', [...args, '--json'], box.repo, env, input)
}

it('a worker writes it down by a verb; the one before stays in the log; the next attempt is told', async () => {
  const steps = [
    [note('one'), note('two'), note('two'), { run: 'dirigent checkpoint' }, { run: 'sleep 60' }],
    [commit('verb.txt'), done],
  ]
  await spawnTask(box, 'verb', {}, { attempts: steps })
  await until('its last command', () => box.status('verb').activity?.what === 'sleep 60')
  expect([current('verb'), old('verb')]).toEqual([noted('two'), ['checkpoint-1.md']])
  const outputs = attemptFile(box, 'verb', 1, 'worker.jsonl')
  expect(outputs).toContain(`${Buffer.byteLength(noted('two'))} of 8192 bytes`)
  expect(outputs).toContain('it says that already; nothing changed')
  // Without a word on stdin it ends at once.
  expect(outputs).toContain('stdin is no checkpoint')
  await until('its line in the trail', () => trailOf(box, 'verb').some(({ type }) => type === 'checkpoint'))

  const file = join(box.directory, 'note.md')
  writeFileSync(file, noted('three'))
  expect((await asWorker('verb', '', '--file', file)).json.data).toMatchObject({ changed: true, limit: 8192 })
  const kept = [current('verb'), old('verb')]
  for (const [input, says] of [
    ['## Done\nx\n', /it has no section ## Now, ## Next, ## Notes/],
    ['', /it has no section ## Done/],
    [noted('three').replace('after three', ' '), /## Next says nothing/],
    [noted('x'.repeat(9000)), /longer than 8192 bytes/],
  ] as const) {
    const { exitCode, json } = await asWorker('verb', input)
    expect([exitCode, json.error.code]).toEqual([2, 'bad-checkpoint'])
    expect(json.error.message).toMatch(says)
  }
  const none = await asWorker('verb', '', '--file', join(box.directory, 'none.md'))
  expect([none.exitCode, none.json.error.code]).toEqual([4, 'checkpoint-not-found'])
  expect([current('verb'), old('verb')]).toEqual(kept)
  await refused(box, ['checkpoint', '--file', file], { exit: 3, code: 'not-a-worker', says: /for workers/ })

  await box.json('stop', 'verb')
  expect(
    trailOf(box, 'verb')
      .filter(({ type }) => type === 'checkpoint')
      .at(-1)?.text,
  ).toMatch(/now: three goes on$/)
  expect((await asWorker('verb', noted('late'))).json.error.code).toBe('illegal-transition')
  await box.json('respawn', 'verb')
  expect(await settled(box, 'verb')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(attemptFile(box, 'verb', 2, 'prompt.md')).toContain(`# Your checkpoint\n`)
  expect(attemptFile(box, 'verb', 2, 'prompt.md')).toContain('after three')
})

it('for a worker that wrote none it is written from what it left, and carries on what was written before', async () => {
  const steps = [
    [note('the parser'), commit('a.txt'), { run: 'sleep 60' }],
    [commit('b.txt'), { say: 'I found that the lexer is wrong.' }, { run: 'echo half > half.txt; sleep 60' }],
    [{ run: 'echo more >> half.txt; exit 3' }, { run: 'sleep 60' }],
    [done],
  ]
  await spawnTask(box, 'none', { verify: ['exit 1'], attempts: 1 }, { attempts: steps })
  const working = (n: number) =>
    until(
      `attempt ${n}`,
      () => box.status('none').attempt === n && /sleep 60$/.test(box.status('none').activity?.what ?? ''),
    )
  await working(1)
  kill(...runnersOf(box, 'none'), ...workersOf(box, 'none'))
  await box.json('status')
  await working(2)
  // Its own, so it is left as it is.
  expect(current('none')).toBe(noted('the parser'))
  kill(...runnersOf(box, 'none'), ...workersOf(box, 'none'))
  await box.json('status')
  await working(3)
  const second = current('none')
  expect(second).toMatch(/^<!-- dirigent: attempt 2, after checkpoint-1, /)
  expect(checkpointProblem(second)).toBe(null)
  const { done: did, now, next } = sectionsOf(second)
  for (const part of ['the parser', 'add b.txt', 'add a.txt']) expect(did).toContain(part)
  for (const part of [
    'lost',
    'half.txt | 1 +',
    'sleep 60 (had not ended)',
    'the lexer is wrong',
    'the parser goes on',
  ])
    expect(now).toContain(part)
  expect(next).toContain('after the parser')
  expect(readFileSync(join(box.task('none'), 'log', 'checkpoint-1.md'), 'utf8')).toBe(noted('the parser'))
  const prompt = attemptFile(box, 'none', 3, 'prompt.md')
  expect(prompt).toContain('the lexer is wrong')
  expect(prompt).toContain('after the parser')

  // By a stop this time; and the worker's own is carried on once more, not the automatic one.
  await box.json('stop', 'none')
  const third = current('none')
  expect(third).toMatch(/^<!-- dirigent: attempt 3, after checkpoint-1, /)
  expect(sectionsOf(third).now).toMatch(/stopped[\s\S]*half\.txt \| 2 \+\+[\s\S]*exit 3/)
  expect([third.match(/after the parser/g)?.length, old('none')]).toEqual([1, ['checkpoint-1.md']])
  // As it is when its runner has died before it wrote that: whoever begins the next attempt does.
  writeFileSync(join(box.task('none'), 'checkpoint.md'), second)
  // The fourth ends its turn, and its check fails: that is no success either.
  await box.json('respawn', 'none')
  expect(await settled(box, 'none')).toMatchObject({ state: 'failed' })
  expect(attemptFile(box, 'none', 4, 'prompt.md')).toMatch(/stopped[\s\S]*half\.txt \| 2 \+\+/)
  await until('the fourth', () => /^<!-- dirigent: attempt 4/.test(current('none')))
  expect(sectionsOf(current('none')).now).toContain('check-failed')
  expect(
    trailOf(box, 'none').filter(({ type, text }) => type === 'checkpoint' && /wrote none/.test(text)).length,
  ).toBe(4)

  // What it says is done is gone with the worktree.
  await box.json('respawn', 'none', '--fresh')
  await until('a fresh one', () => box.status('none').attempt === 5 && box.status('none').state === 'failed')
  expect(attemptFile(box, 'none', 5, 'prompt.md')).not.toContain('# Your checkpoint')
})
