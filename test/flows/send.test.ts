/**
 * `send`: a message is on the disk before it is acknowledged, reaches the worker with the next prompt, and no other.
 *
 * Seen to fail: without `remember` in lib/flows/runner/attempt.ts, "killed between".
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
const inbox = (id: string) => readdirSync(join(box.task(id), 'inbox')).filter((name) => name.endsWith('.md'))
const seen = (id: string) => readdirSync(join(box.task(id), 'inbox', 'seen'))
/** The attempts to whose prompts it was news, or a reminder. */
const told = (id: string, text: string, as: 'news' | 'reminder' = 'news') =>
  [1, 2, 3].filter((n) => {
    const log = join(box.task(id), 'log', `attempt-00${n}`, 'prompt.md')
    const [before = '', news = ''] = existsSync(log)
      ? attemptFile(box, id, n, 'prompt.md').split('# Messages for you')
      : []
    return (as === 'news' ? news : before).includes(text)
  })

it('gives a receipt, disturbs nobody, and is told with the next prompt alone; again it changes nothing', async () => {
  const scripts = { attempts: [[{ run: 'sleep 60' }], [commit('told.txt'), { run: 'exit 3' }, done]] }
  await spawnTask(box, 'told', {}, scripts)
  await until('its worker', () => box.status('told').activity?.kind === 'tool')
  const sent = (await box.json('send', 'told', 'Use the blue one.', '--id', 'hint')).json
  const path = join(box.task('told'), 'inbox', 'hint.md')
  expect(sent.data.message).toEqual({
    id: 'hint',
    kind: 'note',
    path,
    created: true,
    receipt: 'queued',
    hooks: null,
  })
  expect(readFileSync(path, 'utf8')).toMatch(
    /^---\nid: hint\nfrom: orchestrator\nat: .*\nkind: note\n---\n\nUse the blue one.\n$/,
  )
  const again = (await box.json('send', 'told', 'Use the blue one.', '--id', 'hint')).json
  expect([again.data.message.created, inbox('told')]).toEqual([false, ['hint.md']])
  expect(box.status('told')).toMatchObject({ state: 'running', attempt: 1 })

  const file = join(box.directory, 'note.txt')
  writeFileSync(file, 'From a file.\n')
  const [fromFile, fromStdin] = [
    await box.json('send', 'told', '--file', file),
    await runVerb('send', ['told', '-', '--json'], box.repo, box.env, 'From stdin.'),
  ].map((ran) => ran.json.data.message.id)
  expect(new Set([fromFile, fromStdin, 'hint']).size).toBe(3)

  await box.json('stop', 'told')
  expect((await box.verb('send', 'told', 'While it rests.')).stdout).toMatch(/next: dirigent respawn told/)
  await box.json('respawn', 'told')
  expect(await settled(box, 'told')).toMatchObject({ state: 'merged', attempt: 2 })
  for (const text of ['Use the blue one.', 'From a file.', 'From stdin.', 'While it rests.'])
    expect(told('told', text)).toEqual([2])
  const deliveries = trailOf(box, 'told').filter(({ text }) => text.startsWith('delivered with the prompt'))
  expect([inbox('told'), seen('told').length, deliveries.length]).toEqual([[], 4, 4])
})

it('is news only once when the runner is killed between the start of its worker and the receipt', async () => {
  await spawnTask(
    box,
    'between',
    {},
    {
      attempts: [[{ run: 'sleep 60' }], [{ run: 'sleep 60' }], [commit('between.txt'), done]],
    },
  )
  await until('its worker', () => box.status('between').activity?.kind === 'tool')
  await box.json('send', 'between', 'Only once.', '--id', 'once')
  kill(...runnersOf(box, 'between'), ...workersOf(box, 'between'))
  expect((await box.json('status')).exitCode).toBe(0)
  await until('the second', () => told('between', 'Only once.').length === 1 && seen('between').length === 1)
  await until('its worker', () => box.status('between').activity?.kind === 'tool')
  expect(box.status('between').attempt).toBe(2)
  // As it is when the move was not reached: the worker ran, and the message lies where it lay.
  const at = join(box.task('between'), 'inbox')
  writeFileSync(join(at, 'once.md'), readFileSync(join(at, 'seen', 'once.md')))
  kill(...runnersOf(box, 'between'), ...workersOf(box, 'between'))
  rmSync(join(at, 'seen', 'once.md'))
  expect((await box.json('status')).exitCode).toBe(0)
  expect(await settled(box, 'between')).toMatchObject({ state: 'merged', attempt: 3 })
  expect([told('between', 'Only once.'), inbox('between'), seen('between')]).toEqual([[2], [], ['once.md']])
  // The one that is told it may have died before it acted: the next is reminded.
  expect(told('between', 'Only once.', 'reminder')).toEqual([3])
})

it('is refused when nobody would read it, and says what it can take', async () => {
  await spawnTask(box, 'over', {}, [commit('over.txt'), done])
  expect(await settled(box, 'over')).toMatchObject({ state: 'merged' })
  const ended = { exit: 3, code: 'illegal-transition', says: /over is merged; nobody would read/ }
  await refused(box, ['send', 'over', 'Hello'], ended)

  await spawnTask(box, 'open', {}, [{ run: 'sleep 60' }])
  await box.json('stop', 'open')
  const usage = { exit: 2, code: 'usage', says: /either a text or --file/ }
  await refused(box, ['send', 'open'], usage)
  await refused(box, ['send', 'open', 'Hello', '--file', 'x'], usage)
  await refused(box, ['send', 'nobody', 'Hello'], { exit: 4, code: 'task-not-found', says: /no task nobody/ })
  await refused(box, ['send', 'open', 'Hello', '--id', '../x'], {
    exit: 2,
    code: 'bad-id',
    says: /not the id/,
  })
  const missing = { exit: 4, code: 'message-not-found', says: /no file "none"/ }
  await refused(box, ['send', 'open', '--file', 'none'], missing)
  const big = join(box.directory, 'big.txt')
  writeFileSync(big, 'x'.repeat(64 * 1024 + 1))
  const bad = { exit: 2, code: 'bad-message' }
  await refused(box, ['send', 'open', '--file', big], { ...bad, says: /longer than 65536 bytes/ })
  await refused(box, ['send', 'open', ' '], { ...bad, says: /says nothing/ })
  mkdirSync(join(box.directory, 'd'))
  await refused(box, ['send', 'open', '--file', join(box.directory, 'd')], {
    ...bad,
    says: /not a regular file/,
  })
  writeFileSync(big, Buffer.from([0x66, 0xff]))
  await refused(box, ['send', 'open', '--file', big], { ...bad, says: /not UTF-8/ })
  expect(inbox('open')).toEqual([])
  writeFileSync(big, 'x'.repeat(64 * 1024))
  expect((await box.json('send', 'open', '--file', big, '--id', 'big')).exitCode).toBe(0)
  const other = { exit: 3, code: 'id-taken', says: /has had a message big already/ }
  await refused(box, ['send', 'open', 'Another', '--id', 'big'], other)
})
