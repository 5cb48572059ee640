/**
 * The real Claude Code as a worker, against the scripted Messages API.
 *
 * Seen to fail: without `needs` in lib/flows/runner/attempt.ts, all; in lib/tools/claude/argv.ts without CLAUDE_ENV_FILE
 * "has a login", with the person's and the project's settings, without --add-dir and with auto memory "is merged", and
 * without PostToolUseFailure "in the middle of its turn"; without a look for `agent_id` in post-tool-use, "its helpers";
 * without `warnings` in lib/tools/claude/claude.ts, "is ended by stop"; without `renewed` in lib/flows/respawn.ts, "says which name";
 * with figures of the thread in lib/tools/claude/claude.ts, "urgent"; with any provider's cool-down for all in
 * lib/flows/cool-down.ts, "a limit".
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Ask, type Reply, type ScriptedClaude, startScriptedClaude } from '../scripted-claude/server.ts'
import { bash, commit, steps } from '../scripted-claude/steps.ts'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, exitOf, landed, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
let model: ScriptedClaude
/** Task → what its model does, by the number of tool results in the conversation. */
const scripts: Record<string, (ask: Ask) => Reply> = {}
const taskOf = ({ said }: Ask) => /^STORY: (\S+)$/m.exec(said.join('\n'))?.[1] ?? 'none'
const asksOf = (id: string) => model.asks.filter((ask) => taskOf(ask) === id)

beforeAll(async () => {
  model = await startScriptedClaude((ask) => scripts[taskOf(ask)]?.(ask) ?? { say: 'nothing' })
  box = await makeSandbox({ config: { stop_grace_seconds: 2 } })
  const home = join(box.directory, 'home', '.claude')
  Object.assign(box.env, model.env, { CLAUDE_CONFIG_DIR: home })
  box.write('CLAUDE.md', 'The house is green. @more.md\n')
  box.write('more.md', 'The roof is red.\n')
  box.write('.claude/skills/dirigent/prompts/house.md', 'Wipe your feet.\n')
  await box.commit('rules of the house')
  const learned = join(home, 'projects', box.repo.replace(/\W/g, '-'), 'memory')
  mkdirSync(learned, { recursive: true })
  writeFileSync(join(learned, 'MEMORY.md'), 'The person likes blue.\n')
  writeFileSync(join(home, 'CLAUDE.md'), 'The person speaks Frisian.\n')
})
afterAll(async () => {
  await box.close()
  await model.close()
})

async function spawn(id: string, script: (ask: Ask) => Reply, front: object = {}): Promise<void> {
  scripts[id] = script
  await spawnTask(box, id, { worker: 'claude', ...front }, [], `Do it.\nSTORY: ${id}`)
}
const inTool = (id: string, what: string) =>
  until(`${id} in ${what}`, () => box.status(id).activity?.what === what && box.status(id).activity)

it('is merged; its activity, thread, tokens and last words are seen; it has the rules of the house, and no setting, skill or memory of the person', async () => {
  await spawn(
    'plain',
    steps(bash('echo 1 > plain.txt; while [ ! -e ../go ]; do sleep 0.1; done'), commit('plain'), {
      say: 'It is done.',
    }),
  )
  expect(await inTool('plain', 'echo 1 > plain.txt; while [ ! -e ../go ]; do sleep 0.1; done')).toMatchObject(
    { kind: 'tool' },
  )
  const { worker } = await until(
    'its tokens',
    () => box.status('plain').worker?.tokens > 0 && box.status('plain'),
  )
  expect(worker).toMatchObject({ model: null, tokens: 1100 })
  box.write('.orchestrator-state/worktrees/go', '')
  expect(await settled(box, 'plain')).toMatchObject({
    state: 'merged',
    usage: { input: 3000, output: 300, total: 3300 },
    flags: [],
  })
  expect(await landed(box, 'plain')).toHaveLength(1)
  expect(exitOf(box, 'plain', 1)).toMatchObject({ thread: worker.thread, exit_code: 0, failure: null })
  expect(readFileSync(join(box.task('plain'), 'report.md'), 'utf8')).toBe('It is done.\n')
  const [init] = attemptFile(box, 'plain', 1, 'worker.jsonl').split('\n')
  expect(JSON.parse(init ?? '').skills).not.toContain('dirigent')
  const told = asksOf('plain')
    .map(({ system, said }) => [system, ...said].join())
    .join()
  expect(told).toMatch(/The house is green\.[\s\S]*The roof is red\./)
  expect(told).toContain('Wipe your feet.')
  expect(told).not.toMatch(/likes blue|speaks Frisian/)
  expect(model.problems).toEqual([])
})

it('has a login, which neither its commands nor a check nor another kind of worker has', async () => {
  const show = (file: string) => `env | grep -c ^ANTHROPIC_API_KEY= > ${file}; true`
  await spawn('key', steps(bash(show('worker.txt')), commit('key')), { verify: [show('check.txt')] })
  await spawnTask(box, 'other-key', {}, [
    { run: `${show('codex.txt')}; git add -A; git commit -qm codex` },
    { say: 'done' },
  ])
  await settled(box, 'key', 'other-key')
  expect([await box.git('show', 'main:worker.txt'), await box.git('show', 'main:codex.txt')]).toEqual([
    '0',
    '0',
  ])
  expect(await box.git('ls-tree', '--name-only', 'main')).not.toContain('check.txt')
})

it('is ended by stop, with all that it started; an effort that it does not know is said at the task', async () => {
  await spawn('long', steps(bash('(setsid sleep 71 &) ; sleep 72')), { effort: 'bogus' })
  await inTool('long', '(setsid sleep 71 &) ; sleep 72')
  const { thread } = box.status('long').worker
  expect((await box.json('stop', 'long')).exitCode).toBe(0)
  expect(box.status('long')).toMatchObject({ state: 'waiting', usage: { total: 1100 } })
  expect(exitOf(box, 'long', 1)).toMatchObject({ thread, failure: { class: 'stopped' } })
  expect(box.status('long').flags).toEqual([expect.stringMatching(/'bogus'.*low, medium, high/)])
  expect(workersOf(box, 'long')).toEqual([])
})

it('says which name the provider does not know; respawned, it has the one that was corrected', async () => {
  box.configure({ worker: 'claude', model: 'nonsense' })
  const refusal = { status: 404, type: 'not_found_error', message: 'model: nonsense' }
  await spawn('named', ({ model }) => (model === 'nonsense' ? refusal : { say: 'It is.' }), {
    change: 'none',
  })
  expect(await settled(box, 'named')).toMatchObject({
    state: 'failed',
    attempt: 1,
    failure: { class: 'bad-request', message: expect.stringContaining('config.yaml') },
  })
  box.configure({ worker: 'claude', model: 'claude-x' })
  await box.verb('respawn', 'named')
  expect(await settled(box, 'named')).toMatchObject({ state: 'done', settings: { model: 'claude-x' } })
  expect(asksOf('named').at(-1)?.model).toBe('claude-x')
  box.configure({ stop_grace_seconds: 2 })
})

it('goes on in its session with an urgent message, and counts each attempt for itself', async () => {
  await spawn('urgent', steps(bash('echo 1 > urgent.txt; sleep 73'), commit('urgent')))
  await inTool('urgent', 'echo 1 > urgent.txt; sleep 73')
  const { thread } = box.status('urgent').worker
  await box.verb('send', 'urgent', 'Use the red one.', '--urgent')
  expect(await settled(box, 'urgent')).toMatchObject({
    state: 'merged',
    attempt: 2,
    tries: 0,
    usage: { total: 3300 },
  })
  expect(exitOf(box, 'urgent', 2)).toMatchObject({ thread, resumed: true, usage: { total: 2200 } })
  const last = asksOf('urgent').at(-1)
  expect(last?.said.join()).toMatch(/STORY: urgent[\s\S]*You go on[\s\S]*Use the red one\./)
})

it('goes on in its session with the answer to its question', async () => {
  await spawn('asks', steps(bash('echo 1 > asks.txt; dirigent ask "Red or blue?"'), commit('asks')))
  await until('its question', () => box.status('asks').state === 'waiting')
  expect(box.status('asks').question).toBe('Red or blue?')
  scripts.asks = steps(bash('true'), commit('asks'))
  await box.verb('send', 'asks', 'Blue.')
  expect(await settled(box, 'asks')).toMatchObject({ state: 'merged', tries: 0 })
  expect(exitOf(box, 'asks', 2)).toMatchObject({ resumed: true })
  expect(asksOf('asks').at(-1)?.said.join()).toContain('Blue.')
})

it('is told a message in the middle of its turn, also when its command failed, and what is uncommitted at its end', async () => {
  const waits = 'echo 1 > mail.txt; while [ ! -e ../mailed ]; do sleep 0.1; done; exit 3'
  const isKept = ({ said }: Ask) => said.join().includes('Stop hook feedback')
  await spawn('mail', (ask) =>
    ask.results.length === 0
      ? bash(waits)
      : isKept(ask) && ask.results.length === 1
        ? commit('mail')
        : { say: 'finished?' },
  )
  await inTool('mail', waits)
  await box.verb('send', 'mail', 'The colour is blue.', '--id', 'blue')
  box.write('.orchestrator-state/worktrees/mailed', '')
  expect(await settled(box, 'mail')).toMatchObject({ state: 'merged', attempt: 1, flags: [] })
  const [, second, third] = asksOf('mail').map(({ said }) => said.join())
  expect(second).toMatch(/The colour is blue\./)
  expect(third).toMatch(/Stop hook feedback:\s+You have uncommitted work/)
  const told = JSON.parse(attemptFile(box, 'mail', 1, 'messages.json'))
  const acknowledged = expect.any(String)
  expect(told.messages).toMatchObject([{ name: 'blue.md', how: 'hook', acknowledged }])
})

it('counts what its helpers use, and tells no helper the mail that is for the worker', async () => {
  const waits = 'echo 1 > helped.txt; while [ ! -e ../let-go ]; do sleep 0.1; done'
  const isHelper = ({ said }: Ask) => !said.join().includes('STORY: helped')
  scripts.none = steps(bash(waits), { say: 'STORY is told.' })
  const cached = { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 1000 }
  const help = { description: 'look', prompt: 'Look around.', subagent_type: 'general-purpose' }
  await spawn('helped', steps({ tool: 'Task', input: help, usage: cached }, commit('helped')))
  await until('its helper', () => box.status('helped').worker?.tokens > 2000)
  await box.verb('send', 'helped', 'The shed is yellow.')
  box.write('.orchestrator-state/worktrees/let-go', '')
  expect(await settled(box, 'helped')).toMatchObject({
    state: 'merged',
    attempt: 1,
    usage: { total: 1015 + 4 * 1100, cached_input: 1000 },
  })
  const heard = model.asks.filter(({ said }) => said.join().includes('The shed is yellow.'))
  expect(heard.length).toBeGreaterThan(0)
  expect(heard.filter(isHelper)).toEqual([])
})

it('takes its turn with heavy commands, by the stand-ins on its PATH or by the hook', async () => {
  const tools = join(box.directory, 'tools')
  mkdirSync(tools)
  const npm = join(tools, 'npm')
  writeFileSync(npm, '#!/bin/sh\necho "$1 by $DIRIGENT_BUILD_BY" >> turns.txt\n', { mode: 0o755 })
  box.env.PATH = `${tools}:${box.env.PATH}`
  await spawn('heavy', steps(bash('npm test'), bash(`${npm} test`), commit('heavy')))
  expect(await settled(box, 'heavy')).toMatchObject({ state: 'merged', flags: [] })
  expect(await box.git('show', 'main:turns.txt')).toBe('test by shim\ntest by hook')
})

it('answers a question on the side by a copy of its session, which has no tool that changes anything', async () => {
  const waits = 'echo 1 > side.txt; while [ ! -e ../asked ]; do sleep 0.1; done'
  await spawn('side', (ask) =>
    ask.said.join().includes('Which colour?')
      ? ask.results.length > 1
        ? { say: `Blue. ${ask.tools.join()}` }
        : bash('echo 2 > side.txt')
      : steps(bash(waits), commit('side'))(ask),
  )
  await inTool('side', waits)
  const aside = await box.json('ask-worker', 'side', 'Which colour?')
  expect(aside.json.data).toMatchObject({ answer: expect.stringMatching(/^Blue\. (?!.*Bash).*Read/) })
  box.write('.orchestrator-state/worktrees/asked', '')
  expect(await settled(box, 'side')).toMatchObject({ state: 'merged', attempt: 1, usage: { total: 3300 } })
  expect(await box.git('show', 'main:side.txt')).toBe('1')
})

it('makes a limit of its account a cool-down of its own provider, for which no other waits', async () => {
  const reset = Math.floor(Date.now() / 1000) + 3600
  const { ANTHROPIC_API_KEY } = box.env
  delete box.env.ANTHROPIC_API_KEY
  // Only who pays by subscription has such limits.
  box.env.CLAUDE_CODE_OAUTH_TOKEN = 'sk-ant-oat01-x'
  await spawn('limit', () => ({
    status: 429,
    type: 'rate_limit_error',
    message: 'Too many requests',
    headers: {
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': String(reset),
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
      'anthropic-ratelimit-unified-overage-status': 'rejected',
    },
  }))
  Object.assign(box.env, { ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN: '' })
  await until('its end', () => box.status('limit').limited === 1 && box.status('limit').state === 'queued')
  expect(box.status('limit')).toMatchObject({ tries: 0, attempt: 1 })
  const retry_at = new Date(reset * 1000).toISOString()
  expect(exitOf(box, 'limit', 1).failure).toMatchObject({ class: 'usage-limit', retryable: true, retry_at })
  const listed = (await box.json('status', 'limit')).json.data.task
  expect(listed.health).toBe('cooling-down')
  expect(listed.reason).toContain(`claude/${new URL(model.url).host} cools down until`)
  const steps = [{ run: 'echo 1 > c.txt; git add -A; git commit -qm c' }, { say: 'done' }]
  await spawnTask(box, 'codex-goes-on', {}, steps)
  expect(await settled(box, 'codex-goes-on')).toMatchObject({ state: 'merged' })
  expect(trailOf(box, 'limit').map(({ type }) => type)).toContain('cool-down')
  await box.json('stop', 'limit', '--cancel')
})

it('is examined by doctor, and refused when nobody is logged in', async () => {
  box.configure({ worker: 'claude' })
  const found = await box.json('doctor')
  expect(found.json.data.versions).toMatchObject({ claude: expect.stringMatching(/^\d+\./) })
  const { ANTHROPIC_API_KEY } = box.env
  delete box.env.ANTHROPIC_API_KEY
  const refused = await box.json('spawn', 'nobody', '--spec', box.spec({ title: 'nobody' }, []))
  expect(refused.json.error).toMatchObject({
    code: 'worker-not-logged-in',
    message: expect.stringContaining('/login'),
  })
  expect(existsSync(box.task('nobody'))).toBe(false)
  box.env.ANTHROPIC_API_KEY = ANTHROPIC_API_KEY
  box.configure({})
})
