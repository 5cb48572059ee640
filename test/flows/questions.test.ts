/**
 * Questions: a worker asks, its task waits without a runner or a place, and goes on with the answer; none is lost,
 * unanswered or asked twice, whoever dies.
 *
 * Seen to fail: without `leftOpen` in lib/flows/runner/conclude.ts, "withdrawn"; without `settleQuestions` in
 * lib/flows/settle.ts, "answers itself"; without `refuseSecondAnswer` in lib/flows/send.ts, "has one answer".
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { answerId } from '../../lib/state/questions.ts'
import { refused } from '../support/bad-input.ts'
import { makeSandbox, root, type Sandbox, until } from '../support/sandbox.ts'
import {
  attemptFile,
  exitOf,
  kill,
  runnersOf,
  settled,
  spawnTask,
  trailOf,
  workersOf,
} from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 1, stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const ask = (words: string) => ({ run: `dirigent ask ${words}` })
const asked = { say: 'I have asked.' }
const write = (id: string, text: string) => ({ run: `echo ${text} >> ${id}.txt` })
const commit = (id: string) => ({ run: `git add --all && git commit -qm 'add ${id}'` })
const waits = (id: string) => until(`${id} to wait`, () => box.status(id).state === 'waiting')
const inTool = (id: string, what: string) => until(what, () => box.status(id).activity?.what === what)
const files = (id: string, ...below: string[]) =>
  readdirSync(join(box.task(id), ...below)).filter((name) => name.endsWith('.md'))
const toldIn = (id: string, text: string) =>
  Array.from({ length: box.status(id).attempt }, (_, n) => n + 1).filter((n) =>
    attemptFile(box, id, n, 'prompt.md').includes(text),
  )

it('waits without a place, shows what it is asked, and its thread goes on with the answer', async () => {
  const words = '"Red or blue?" --option red --option blue'
  await spawnTask(
    box,
    'paint',
    {},
    {
      attempts: [
        [write('paint', 'half'), ask(words), asked],
        [ask(`${words} > again.txt`), write('paint', 'whole'), commit('paint'), { say: 'done' }],
      ],
    },
  )
  await spawnTask(box, 'other', {}, [write('other', 'x'), commit('other'), { say: 'done' }])
  await waits('paint')
  expect(box.status('paint')).toMatchObject({
    tries: 0,
    runner: null,
    question: 'Red or blue?',
    asked: { options: ['red', 'blue'], default: null, by: null },
  })
  // Its place is free, and what it left lies there uncommitted.
  expect(await settled(box, 'other')).toMatchObject({ state: 'merged' })
  const { worktree } = box.status('paint').workplace
  expect(readFileSync(join(worktree, 'paint.txt'), 'utf8')).toBe('half\n')
  const shown = await box.verb('status')
  expect(shown.stdout).toMatch(/1 needs you[\s\S]*paint +waiting.*Red or blue\? \[red · blue\]/)
  expect(shown.stdout).toContain("next: dirigent send paint 'red'")

  await refused(box, ['send', 'paint', 'green'], { exit: 3, code: 'no-option', says: /one of: red · blue/ })
  const id = { exit: 2, code: 'bad-id', says: /an answer is known by its question/ } as const
  await refused(box, ['send', 'paint', 'red', '--id', 'mine'], id)
  await box.json('send', 'paint', 'The brush is new.', '--note')
  expect(box.status('paint').state).toBe('waiting')
  const sent = await box.verb('send', 'paint', 'RED')
  expect(sent.stdout).toMatch(/paint has its answer; it goes on with the answer: Red or blue\?/)
  expect(await settled(box, 'paint')).toMatchObject({ state: 'merged', attempt: 2, tries: 0, asked: null })
  expect(exitOf(box, 'paint', 2)).toMatchObject({ resumed: true, thread: exitOf(box, 'paint', 1).thread })
  expect([toldIn('paint', 'The answer: red'), toldIn('paint', 'The brush is new.')]).toEqual([[2], [2]])
  expect([files('paint', 'outbox'), files('paint', 'outbox', 'seen').length]).toEqual([[], 1])
  expect(await box.git('show', 'main:paint.txt')).toBe('half\nwhole')
  expect(await box.git('show', 'main:again.txt')).toMatch(/answered already[\s\S]*The answer: red/)
  expect(
    trailOf(box, 'paint')
      .filter(({ type }) => type === 'question')
      .map(({ text }) => text),
  ).toEqual(['Red or blue?', 'answered by the orchestrator: RED'])
})

it('is asked all the same when its runner dies before the turn ends, with its worker or without', async () => {
  for (const [id, all] of [
    ['both', true],
    ['alone', false],
  ] as const) {
    await spawnTask(
      box,
      id,
      {},
      {
        attempts: [
          [write(id, 'half'), ask(`"Go on with ${id}?"`), { run: all ? 'sleep 60' : 'sleep 3' }, asked],
          [commit(id), { say: 'done' }],
        ],
      },
    )
    await inTool(id, all ? 'sleep 60' : 'sleep 3')
    kill(...runnersOf(box, id), ...(all ? workersOf(box, id) : []))
    await until(`${id} to wait`, async () => {
      await box.json('status')
      return box.status(id).state === 'waiting'
    })
    expect(box.status(id)).toMatchObject({ question: `Go on with ${id}?`, tries: 0, attempt: 1 })
    await box.json('send', id, 'Yes, do.')
    expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
    expect([toldIn(id, 'The answer: Yes, do.'), exitOf(box, id, 2).resumed]).toEqual([[2], true])
  }
})

it('is told the answer in its turn when that has not ended yet, which then ends as usual', async () => {
  const gate = join(box.directory, 'gate')
  await spawnTask(box, 'early', {}, [
    ask('"Now?"'),
    { run: `until test -e ${gate}; do sleep 0.05; done` },
    write('early', 'x'),
    commit('early'),
    { say: 'done' },
  ])
  await until('the question', () => box.status('early').asked)
  expect((await box.verb('send', 'early', 'Now.')).stdout).toMatch(/its worker still works, and is told it/)
  await until('the status without it', () => box.status('early').asked === null)
  writeFileSync(gate, '')
  expect(await settled(box, 'early')).toMatchObject({ state: 'merged', attempt: 1 })
  expect(JSON.stringify(box.model.requests.at(-1)?.body)).toContain('The answer: Now.')
})

it('answers itself when nobody has in time, and says so; one that is stopped does not', async () => {
  const steps = (id: string) => ({
    attempts: [
      [ask(`"Which of ${id}?" --default blue --by 2s`), asked],
      [write(id, 'x'), commit(id), { say: 'done' }],
    ],
  })
  await spawnTask(box, 'default', {}, steps('default'))
  await waits('default')
  expect((await box.verb('status', 'default')).stdout).toMatch(/Which of default\? \[blue from 20\S+Z on\]/)
  const ended = await until('the end', async () => {
    await box.json('status')
    return box.status('default').state === 'merged' && box.status('default')
  })
  expect(ended).toMatchObject({ attempt: 2, flags: [expect.stringMatching(/its default was taken: blue/)] })
  expect(toldIn('default', 'Nobody has answered in time, so your default holds: blue')).toEqual([2])

  await spawnTask(box, 'stopped', {}, steps('stopped'))
  await waits('stopped')
  await box.json('stop', 'stopped')
  expect(box.status('stopped').asked).toMatchObject({ default: 'blue', by: null })
  await box.json('send', 'stopped', 'red')
  expect(await settled(box, 'stopped')).toMatchObject({ state: 'merged', attempt: 2 })
})

it('has one answer: of two at once the first counts, and the other is told so', async () => {
  await spawnTask(
    box,
    'two',
    {},
    {
      attempts: [
        [ask('"Left or right?"'), asked],
        [write('two', 'x'), commit('two'), { say: 'done' }],
      ],
    },
  )
  await waits('two')
  // It has no place to go on in, so the answer is on its way for a while.
  await spawnTask(box, 'busy', {}, [{ run: 'sleep 60' }])
  await inTool('busy', 'sleep 60')
  const both = await Promise.all(['left', 'right'].map((text) => box.json('send', 'two', text)))
  expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 3])
  expect(both.find(({ exitCode }) => exitCode === 3)?.json.error.code).toBe('answered-already')
  await box.json('stop', 'busy')
  expect(await settled(box, 'two')).toMatchObject({ state: 'merged', attempt: 2 })
  const [won, lost] = both[0]?.exitCode === 0 ? ['left', 'right'] : ['right', 'left']
  expect([toldIn('two', `The answer: ${won}`), toldIn('two', `The answer: ${lost}`)]).toEqual([[2], []])
})

it('is answered once wherever its sender is killed, and asked once however often it is asked', async () => {
  const rounds = 5
  await spawnTask(
    box,
    'many',
    {},
    {
      attempts: [
        ...Array.from({ length: rounds }, (_, n) => [
          ask(`"Question ${n}?"`),
          ask(`"Question ${n}?"`),
          asked,
        ]),
        [write('many', 'x'), commit('many'), { say: 'done' }],
      ],
    },
  )
  for (let n = 0; n < rounds; n++) {
    await until(
      `question ${n}`,
      () => box.status('many').state === 'waiting' && box.status('many').attempt === n + 1,
    )
    expect(files('many', 'outbox').length).toBe(1)
    const sender = spawn(join(root, 'bin', 'send'), ['many', `Answer ${n}.`], { cwd: box.repo, env: box.env })
    await delay(60 + 40 * n)
    sender.kill('SIGKILL')
    // Whoever settles goes on with what is there; a sender that is not sure says it again.
    await box.json('status')
    if (box.status('many').asked) await box.json('send', 'many', `Answer ${n}.`)
    await until(`attempt ${n + 2}`, () => box.status('many').attempt === n + 2)
  }
  expect(await settled(box, 'many')).toMatchObject({ state: 'merged', tries: 0 })
  for (let n = 0; n < rounds; n++) expect(toldIn('many', `The answer: Answer ${n}.`)).toEqual([n + 2])

  await spawnTask(
    box,
    'half',
    {},
    {
      attempts: [
        [ask('"Half?"'), asked],
        [write('half', 'x'), commit('half'), { say: 'done' }],
      ],
    },
  )
  await waits('half')
  // As a sender leaves it that dies after the answer was posted.
  const { id } = box.status('half').asked
  writeFileSync(
    join(box.task('half'), 'inbox', `${answerId(id)}.md`),
    `---\nkind: answer\nre: ${id}\n---\nYes.\n`,
  )
  await box.json('status')
  expect(await settled(box, 'half')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(toldIn('half', 'Yes.')).toEqual([2])
})

it('is withdrawn when the task is respawned without an answer, and may be asked again', async () => {
  const again = [ask('"Once more?"'), asked]
  await spawnTask(
    box,
    'again',
    {},
    { attempts: [again, again, [write('again', 'x'), commit('again'), { say: 'done' }]] },
  )
  await waits('again')
  await box.json('respawn', 'again')
  await until(
    'the second',
    () => box.status('again').state === 'waiting' && box.status('again').attempt === 2,
  )
  expect(attemptFile(box, 'again', 2, 'prompt.md')).toMatch(/^# How you work here/)
  await box.json('send', 'again', 'Yes.')
  expect(await settled(box, 'again')).toMatchObject({ state: 'merged', attempt: 3 })
  expect(existsSync(join(box.task('again'), 'outbox', 'seen'))).toBe(true)
})

it('is refused outside a task, and when its choices make no sense', async () => {
  const usage = { exit: 2, code: 'usage' } as const
  await refused(box, ['ask', 'x?', '--by', '3m'], { ...usage, says: /--by needs a --default/ })
  await refused(box, ['ask', 'x?', '--option', 'a', '--default', 'b'], {
    ...usage,
    says: /none of the options/,
  })
  await refused(box, ['ask', 'x?', '--option', 'a\nb'], { ...usage, says: /not one line/ })
  await refused(box, ['ask', 'x?'], { exit: 3, code: 'not-a-worker', says: /for workers/ })
})
