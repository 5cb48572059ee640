import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox
beforeEach(async () => {
  box = await makeSandbox()
})
afterEach(async () => {
  await box.close()
})

it('takes a spec to a checked and merged change', async () => {
  const spec = box.spec({ title: 'Add a file', verify: ['test -f a.txt'] }, [
    { run: "echo hi > a.txt && git add -A && git commit -qm 'add a'" },
    { say: 'a.txt is there' },
  ])
  const spawned = await box.json('spawn', '--spec', spec)
  expect(spawned.json).toMatchObject({
    ok: true,
    data: { created: true, task: { id: 'add-a-file', state: 'running' } },
  })
  const waited = await box.json('wait', '--until', 'settled', '--timeout', '60s')
  expect(waited.json.data.outcome).toBe('settled')
  expect(box.status('add-a-file').state).toBe('merged')
  expect(box.read('a.txt')).toBe('hi\n')
  expect(await box.git('log', '-1', '--format=%B')).toMatch(
    /^add a\n\nDirigent-Task: add-a-file\nDirigent-Attempt: 1\nWorker: codex gpt-5\.5\n*$/,
  )
  expect(await box.git('status', '--porcelain')).toBe('')
  expect(existsSync(join(box.state, 'worktrees', 'add-a-file'))).toBe(false)
})
