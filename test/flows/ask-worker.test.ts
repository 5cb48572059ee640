/**
 * `ask-worker`: a copy of the worker's thread answers, the worker notices nothing, and the copy can change nothing.
 *
 * Seen to fail: with the worker's own flags instead of the read-only sandbox, "can change nothing".
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refused } from '../support/bad-input.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { cmdline, exitOf, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox({ config: { stop_grace_seconds: 1 } })
})
afterAll(async () => {
  await box.close()
})

const script = (steps: unknown) => `\`\`\`script\n${JSON.stringify(steps)}\n\`\`\`\nWhat is left?`

it('answers from the thread of a worker that works, which goes on undisturbed, and keeps the answer', async () => {
  const gate = join(box.directory, 'gate')
  await spawnTask(box, 'works', {}, [
    { run: 'echo half > works.txt' },
    { run: `until test -e ${gate}; do sleep 0.05; done`, usage: { input: 2000, output: 50 } },
    { run: 'git add --all && git commit -qm works' },
    { say: 'done' },
  ])
  await until('its command', () => box.status('works').activity?.what?.includes('until'))
  const { pid, thread } = box.status('works').worker
  const tries = 'echo bad > bad.txt; touch $CODEX_HOME/bad; echo bad > ../../tasks/works/checkpoint.md; ls'
  const steps = [
    { run: `${tries}; touch ${gate}` },
    { say: 'The \u001b[31mtests\u0007 are left.', usage: { input: 30, output: 7 } },
  ]
  const asked = (await box.json('ask-worker', 'works', script(steps))).json.data
  expect(asked).toMatchObject({
    task: 'works',
    thread,
    answer: 'The tests are left.',
    usage: { total: 1137 },
  })
  const kept = readFileSync(asked.path, 'utf8')
  expect(kept).toMatch(
    /tokens: 1137\n---\n\n# Question\n[\s\S]*What is left\?\n\n# Answer\n\nThe tests are left\.\n$/,
  )
  expect(readdirSync(join(box.task('works'), 'log', 'answers')).length).toBe(1)
  // The copy saw what the worker had, and could change nothing: not even the gate is there.
  const { worktree } = box.status('works').workplace
  expect([existsSync(gate), existsSync(join(worktree, 'bad.txt'))]).toEqual([false, false])
  expect(existsSync(join(box.task('works'), 'checkpoint.md'))).toBe(false)
  expect(JSON.stringify(box.model.requests.at(-1)?.body)).toContain('works.txt')
  expect(box.status('works')).toMatchObject({ state: 'running', attempt: 1, worker: { pid, thread } })
  expect(cmdline(pid)).toContain('exec')
  writeFileSync(gate, '')
  expect(await settled(box, 'works')).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
  expect(exitOf(box, 'works', 1)).toMatchObject({ thread, failure: null, usage: { total: 2050 + 3 * 1100 } })
  expect(trailOf(box, 'works').map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^asked on the side \(1137 tokens\)/),
  )
})

it('answers from a thread that rests, is given up in time, and says when there is nobody to ask', async () => {
  await spawnTask(box, 'rests', {}, [{ run: 'sleep 60' }])
  await until('its sleep', () => box.status('rests').activity?.what === 'sleep 60')
  await box.json('stop', 'rests')
  expect((await box.verb('ask-worker', 'rests', script([{ say: 'Much.' }]))).stdout).toMatch(
    /^Much\.\n\(1\.1k tokens/,
  )
  const late = await box.json('ask-worker', 'rests', script([{ hang: true }]), '--timeout', '2s')
  expect([late.exitCode, late.json.error.code]).toEqual([7, 'timed-out'])
  const failed = await box.json('ask-worker', 'rests', script([{ status: 400, body: 'no' }]))
  expect([failed.exitCode, failed.json.error.code]).toEqual([1, 'program-failed'])
  expect(box.status('rests')).toMatchObject({ state: 'waiting', attempt: 1 })

  await spawnTask(box, 'fresh', { needs: ['rests'] }, [{ say: 'x' }])
  await refused(box, ['ask-worker', 'fresh', 'Hm?'], {
    exit: 4,
    code: 'no-thread',
    says: /The worker of fresh has not begun yet/,
  })
  await refused(box, ['ask-worker', 'works', 'Hm?'], { exit: 4, code: 'no-thread', says: /works is merged/ })
})
