/**
 * An attempt that goes on with the worker's own thread is told the news and its lessons alone, and counts what it used itself.
 *
 * Seen to fail: without `usedBefore` in lib/flows/runner/thread.ts, "counts its own"; without `isUnresumed` in
 * lib/rules/retry.ts, "cannot be gone on with"; without lessonsPiece in lib/rules/news.ts, "is told the news".
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findRollout } from '../../lib/tools/codex/rollout.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 1, resume: { max_tokens: 5000 } } })
})
afterAll(async () => {
  await box.close()
})

const scripts = (id: string, sleeping = 1000) => ({
  attempts: [
    [
      { run: `echo half > ${id}.txt`, usage: { input: 2000, output: 50 } },
      { run: 'sleep 60', usage: { input: sleeping, output: 100 } },
    ],
    [
      { run: `git add ${id}.txt && git commit -qm 'add ${id}'`, usage: { input: 3000, output: 50 } },
      { say: 'done', usage: { input: 4000, output: 10 } },
    ],
  ],
})

/** Stopped in the middle, and then as if it were to go on with its thread. */
async function half(id: string, tokens?: number): Promise<string> {
  await spawnTask(box, id, {}, scripts(id, tokens))
  await until('its sleep', () => box.status(id).activity?.what === 'sleep 60')
  const { thread } = box.status(id).worker
  await box.json('stop', id)
  return thread
}
async function goOn(id: string, thread: string): Promise<void> {
  await box.json('send', id, 'The colour is blue.', '--id', 'blue')
  const path = join(box.task(id), 'status.json')
  writeFileSync(path, JSON.stringify({ ...box.status(id), state: 'queued', resume: thread }))
  await box.json('status')
}

it('goes on with the thread, is told the news and its lessons alone, and counts its own', async () => {
  const thread = await half('own')
  expect(exitOf(box, 'own', 1)).toMatchObject({ thread, resumed: false, usage: { total: 3150 } })
  await box.json('lesson', 'add', 'Say please.', '--from', 'person')
  await goOn('own', thread)
  expect(await settled(box, 'own')).toMatchObject({ state: 'merged', attempt: 2, resume: null })
  expect(exitOf(box, 'own', 2)).toMatchObject({ thread, resumed: true, usage: { total: 7060 } })
  expect(box.status('own').usage.total).toBe(3150 + 7060)
  const prompt = attemptFile(box, 'own', 2, 'prompt.md')
  expect(prompt).toMatch(
    /^# You go on[\s\S]*\nAttempt: 2\n[\s\S]*\n- Say please\.\n[\s\S]*\nThe colour is blue\.\n/,
  )
  expect(prompt).not.toMatch(/# Facts|# The task|```script/)
  expect(trailOf(box, 'own').map(({ text }) => text)).toContainEqual(
    expect.stringContaining(`going on with thread ${thread}`),
  )
})

const sessionOf = (thread: string) =>
  findRollout(join(box.directory, 'home', '.codex'), thread, new Date()) ?? 'none'

it('begins anew when the thread is gone, or holds more than it may', async () => {
  const thread = await half('gone')
  rmSync(sessionOf(thread))
  await goOn('gone', thread)
  expect(await settled(box, 'gone')).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
  expect(exitOf(box, 'gone', 2)).toMatchObject({ resumed: false, failure: null })
  expect(attemptFile(box, 'gone', 2, 'prompt.md')).toMatch(/# Facts[\s\S]*The colour is blue\./)

  const long = await half('long', 5000)
  await goOn('long', long)
  expect(await settled(box, 'long')).toMatchObject({ state: 'merged', attempt: 2 })
  expect(exitOf(box, 'long', 2).resumed).toBe(false)
})

it('is followed by one that begins anew, and is no try, when the thread cannot be gone on with', async () => {
  const thread = await half('torn')
  const lines = readFileSync(sessionOf(thread), 'utf8').split('\n')
  writeFileSync(sessionOf(thread), lines.filter((line) => line.includes('"token_usage_record"')).join('\n'))
  await goOn('torn', thread)
  expect(await settled(box, 'torn')).toMatchObject({ state: 'merged', attempt: 3, tries: 0, failure: null })
  expect(exitOf(box, 'torn', 2)).toMatchObject({ resumed: false, failure: { class: 'start-failed' } })
  // Nobody had read it.
  expect(attemptFile(box, 'torn', 3, 'prompt.md')).toMatch(/# Facts[\s\S]*# Messages for you[\s\S]*blue/)
})
