/**
 * Workers of different kinds side by side, and one task in the hands of one kind after another.
 *
 * Seen to fail: with `threadOf` in lib/flows/ask-worker.ts that takes the newest thread of any kind, "changes hands";
 * without `used` events in lib/tools/claude/events.ts, "a budget"; with `concludeLost` that calls an end without a word
 * completed, "three at once"; without `hindered` there, "not let without asking".
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Ask, type Reply, type ScriptedClaude, startScriptedClaude } from '../scripted-claude/server.ts'
import { bash, commit, steps } from '../scripted-claude/steps.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { exitOf, settled, spawnTask, workersOf } from '../support/tasks.ts'

let box: Sandbox
let model: ScriptedClaude
let script: (ask: Ask) => Reply = () => ({ say: 'nothing' })

beforeAll(async () => {
  model = await startScriptedClaude((ask) => script(ask))
  box = await makeSandbox({
    config: { max_workers: 3, stop_grace_seconds: 2, command: { run: 'cat > told.txt; sh -e ../story.sh' } },
  })
  Object.assign(box.env, model.env, { CLAUDE_CONFIG_DIR: join(box.directory, 'home', '.claude') })
})
afterAll(async () => {
  await box.close()
  await model.close()
})

const worktrees = '.orchestrator-state/worktrees'
const commits = (id: string) => `echo 1 > ${id}.txt && git add ${id}.txt && git commit -qm 'add ${id}'`
const waitsFor = (gate: string) => `while [ ! -e ../${gate} ]; do sleep 0.1; done`

it('three at once are killed with all that there is, and go on with the next command', async () => {
  const work = (id: string) => `${waitsFor('go')}; ${commits(id)}`
  script = steps(bash(work('claude')))
  box.write(`${worktrees}/story.sh`, `echo waits; ${work('command')}`)
  await spawnTask(box, 'codex', {}, [{ run: work('codex') }, { say: 'done' }])
  await spawnTask(box, 'claude', { worker: 'claude' }, [])
  await spawnTask(box, 'command', { worker: 'command' }, [])
  const ids = ['codex', 'claude', 'command']
  for (const id of ids)
    await until(`${id} at work`, () => ['tool', 'thinking'].includes(box.status(id).activity?.kind))
  await until('their commands', () => ids.every((id) => workersOf(box, id).length > 1))
  await box.killAll()
  box.write(`${worktrees}/go`, '')
  const { tasks } = (await box.json('status')).json.data
  expect(tasks).toHaveLength(3)
  await settled(box, ...ids)
  for (const id of ids) {
    expect(box.status(id)).toMatchObject({ state: 'merged', attempt: 2, tries: 0 })
    expect(exitOf(box, id, 1).failure).toMatchObject({ class: 'lost' })
    expect(workersOf(box, id)).toEqual([])
  }
})

it('a task changes hands: no kind goes on with, or is asked in, the thread of another', async () => {
  const spec = (worker: string) => box.spec({ title: 'moves', worker }, [])
  await spawnTask(box, 'moves', {}, [{ run: 'sleep 76' }])
  await until('codex', () => box.status('moves').activity?.what === 'sleep 76')
  await box.json('stop', 'moves')
  script = (ask) =>
    ask.said.join().includes('Which colour?') ? { say: 'Blue.' } : steps(bash('sleep 77'))(ask)
  await box.json('respawn', 'moves', '--spec', spec('claude'))
  await until('claude', () => box.status('moves').activity?.what === 'sleep 77')
  expect((await box.json('ask-worker', 'moves', 'Which colour?')).json.data.answer).toBe('Blue.')
  await box.json('stop', 'moves')
  box.write(`${worktrees}/story.sh`, `${waitsFor('asked')}; ${commits('moves')}`)
  await box.json('respawn', 'moves', '--spec', spec('command'))
  await until('the command', () => box.status('moves').activity?.kind === 'thinking')
  expect((await box.json('ask-worker', 'moves', 'Which colour?')).json.error).toMatchObject({
    code: 'no-thread',
    message: expect.stringContaining('has no thread'),
  })
  box.write(`${worktrees}/asked`, '')
  expect(await settled(box, 'moves')).toMatchObject({ state: 'merged', attempt: 3 })
  const ends = [1, 2, 3].map((n) => exitOf(box, 'moves', n))
  expect(ends.map(({ resumed }) => resumed)).toEqual([false, false, false])
  expect(new Set(ends.map(({ thread }) => thread)).size).toBe(3)
})

it('a budget ends Claude Code in the middle of its turn, and what it used until then is counted', async () => {
  script = steps(bash('true'), commit('x'), bash('sleep 78'))
  await spawnTask(box, 'spends', { worker: 'claude', budget: { tokens: 3000 } }, [])
  expect(await settled(box, 'spends')).toMatchObject({
    state: 'failed',
    failure: { class: 'budget' },
    usage: { total: 3300 },
  })
  expect(workersOf(box, 'spends')).toEqual([])
})

// The line is that of 2.1.197 where /etc/claude-code/managed-settings.json forbids the bypass.
it('Claude Code that is not let without asking says so at the task', async () => {
  const path = join(box.directory, 'claude')
  const lines = [
    { type: 'system', subtype: 'init', session_id: 's', permissionMode: 'default' },
    { type: 'result', subtype: 'success', is_error: false, result: 'I may do nothing.' },
  ]
  const print = lines.map((line) => `echo '${JSON.stringify(line)}'`).join('\n')
  writeFileSync(path, `#!/bin/sh\ncat > /dev/null\n${print}\n`, { mode: 0o755 })
  box.configure({ claude: { path } })
  await spawnTask(box, 'may-not', { worker: 'claude', attempts: 1 }, [])
  expect(await settled(box, 'may-not')).toMatchObject({
    state: 'failed',
    failure: { class: 'no-commit' },
    flags: expect.arrayContaining([expect.stringContaining('disableBypassPermissionsMode')]),
  })
})
