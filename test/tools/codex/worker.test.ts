import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { findRollout, RolloutReader } from '../../../lib/tools/codex/rollout.ts'
import { attemptUsage, type Usage } from '../../../lib/tools/workers/usage.ts'
import { fail, run, type Step, say, status } from '../../scripted-model/scenario.ts'
import { type ScriptedModel, startScriptedModel } from '../../scripted-model/server.ts'
import { Place } from './worker.ts'

let model: ScriptedModel
let place: Place
beforeAll(async () => {
  model = await startScriptedModel()
})
afterAll(() => model.close())
beforeEach(() => {
  place = new Place(model)
})
afterEach(() => place.remove())

const script = (...steps: Step[]) => `Do it.\n\`\`\`script\n${JSON.stringify(steps)}\n\`\`\`\n`
const answer = (name: string) => readFileSync(join(place.worktree, name), 'utf8').trim()

test.each(['gpt-5.5', 'gpt-5.6-luna'])(
  '%s: every argument is known, and the worker does its work',
  async (kind) => {
    const { events, track, failure } = await place.run(
      script(run('echo $PWD $WORKER_MARK > out; exit 3'), say('all done')),
      { model: kind, effort: 'high' },
    )
    expect(failure).toBeNull()
    expect(answer('out')).toBe(`${place.worktree} here`)
    expect(track).toMatchObject({
      activity: { kind: 'ended' },
      counts: { commands: 1, failed_commands: 1 },
      lastMessage: 'all done',
      outcome: { ended: 'completed' },
    })
    expect(events).toContainEqual(expect.objectContaining({ what: 'echo $PWD $WORKER_MARK > out; exit 3' }))
    expect(events.map(({ kind }) => kind)).not.toContain('unknown')
    expect(events.map(({ kind }) => kind)).not.toContain('notice')
    expect(model.requests.at(-1)?.body.reasoning).toMatchObject({ effort: 'high' })
  },
)

test('our folder is first on PATH from the first command on, whatever the profile says', async () => {
  place.write('home/.bash_profile', 'sleep 1; export PATH=/usr/bin:/bin\n')
  place.write('home/.profile', 'sleep 1; export PATH=/usr/bin:/bin\n')
  place.write('shims/git', '#!/bin/sh\necho our git\n', 0o755)
  const { failure } = await place.run(script(run('git > first'), run('git > second'), say('done')))
  expect(failure).toBeNull()
  expect([answer('first'), answer('second')]).toEqual(['our git', 'our git'])
})

test('a worker sees few tools and no server of the person’s', async () => {
  place.write('home/config.toml', `[mcp_servers.one]\ncommand = "touch"\nargs = ["${place.root}/one"]\n`)
  await place.run(script(say('done')))
  const tools = model.requests.at(-1)?.body.tools as { name: string }[]
  expect(tools.map(({ name }) => name).sort()).toEqual([
    'apply_patch',
    'exec_command',
    'request_user_input',
    'view_image',
    'write_stdin',
  ])
  expect(existsSync(join(place.root, 'one'))).toBe(false)
})

test('with user_config only the named servers start', async () => {
  const server = (name: string) =>
    `[mcp_servers."${name}"]\ncommand = "touch"\nargs = ["${place.root}/${name}"]\n`
  place.write('home/config.toml', ['one', 'two.dot', 'three'].map(server).join(''))
  const settings = place.settings({ user_config: true, mcp_servers: ['two.dot'] })
  const { failure } = await place.run(
    script(run(`until [ -e ${place.root}/two.dot ]; do sleep 0.05; done`), say('done')),
    { settings },
  )
  expect(failure).toBeNull()
  expect(['one', 'two.dot', 'three'].map((name) => existsSync(join(place.root, name)))).toEqual([
    false,
    true,
    false,
  ])
})

test('a person’s configuration reaches the program beside ours', async () => {
  const config = {
    shell_environment_policy: { set: { 'A.B': 'dot', TEXT: `it's "odd" \\ ü` } },
    developer_instructions: 'Line one.\n\n"Line" two.',
  }
  const { failure } = await place.run(
    script(run('printenv A.B TEXT > out; command -v rg git >> out'), say('done')),
    {
      settings: place.settings({ config }),
    },
  )
  expect(failure).toBeNull()
  expect(answer('out').split('\n').slice(0, 2)).toEqual(['dot', `it's "odd" \\ ü`])
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('Line one.\\n\\n\\"Line\\" two.')
})

test('a thread goes on in another worktree, and each attempt has its own cost', async () => {
  const first = await place.run(script(say('first', { usage: { input: 2000, output: 200 } })))
  const thread = first.track.threadId ?? ''
  const worktree = join(place.root, 'other')
  mkdirSync(worktree)
  const steps = script(
    run('pwd > out', { usage: { input: 500, output: 50 } }),
    say('second', { usage: { input: 500, output: 50 } }),
  )
  const second = await place.run(steps, { resume: thread, worktree })
  expect(second.failure).toBeNull()
  expect(second.track.threadId).toBe(thread)
  expect(readFileSync(join(worktree, 'out'), 'utf8').trim()).toBe(worktree)
  expect(attemptUsage(second.track.usage, first.track.usage)).toMatchObject({
    input: 1000,
    output: 100,
    total: 1100,
  })
  const file = findRollout(place.home, thread, new Date()) ?? ''
  expect(new RolloutReader(file).read()).toEqual(second.track.usage)
})

test('the use of tokens is known while the first command still runs', async () => {
  let reader: RolloutReader | null = null
  let seen: Usage | null = null
  const { failure } = await place.run(
    script(
      run('until [ -e go ]; do sleep 0.05; done', { usage: { input: 700, output: 70 } }),
      say('done', { usage: { input: 800, output: 80 } }),
    ),
    {},
    ({ activity, threadId }) => {
      if (activity.kind !== 'tool') return
      const poll = setInterval(() => {
        const file = findRollout(place.home, threadId ?? '', new Date())
        reader ??= file ? new RolloutReader(file) : null
        seen ??= reader?.read() ?? null
        if (seen === null) return
        clearInterval(poll)
        place.write('worktree/go', '')
      }, 20)
    },
  )
  expect(failure).toBeNull()
  expect(seen).toMatchObject({ input: 700, output: 70, total: 770 })
})

const soon = () => Math.floor(Date.now() / 1000) + 7200
test.each([
  ['usage-limit', () => status(429, { body: { error: { type: 'usage_limit_reached', resets_at: soon() } } })],
  ['usage-limit', () => status(429, { body: { error: { code: 'insufficient_quota', message: 'x' } } })],
  ['rate-limit', () => status(429)],
  ['overload', () => status(503, { body: { error: { code: 'server_is_overloaded', message: 'x' } } })],
  ['overload', () => status(500)],
  ['bad-request', () => status(400, { body: { error: { message: 'no such parameter' } } })],
  ['auth', () => status(401)],
  ['context-overflow', () => fail('context_length_exceeded', 'too long')],
  ['network', () => ({ cut: 'partial' as const, times: 9 })],
])('a provider’s refusal is understood: %s', async (kind, step) => {
  const settings = place.settings({
    config: {
      'model_providers.scripted.request_max_retries': 0,
      'model_providers.scripted.stream_max_retries': 1,
    },
  })
  const { failure, exitCode } = await place.run(script(step()), { settings })
  expect(exitCode).toBe(1)
  expect(failure).toMatchObject({ class: kind })
})

test('the time at which a usage limit ends is known to the minute', async () => {
  const body = { error: { type: 'usage_limit_reached', resets_at: soon() } }
  const { failure } = await place.run(script(status(429, { body })))
  const late = Date.parse(failure?.retry_at ?? '') / 1000 - body.error.resets_at
  expect(late).toBeGreaterThan(0)
  expect(late).toBeLessThanOrEqual(60)
})

test('a provider that is not there ends the attempt instead of being tried for ever', async () => {
  const nowhere = {
    'model_providers.scripted.base_url': 'http://127.0.0.1:1/v1',
    'model_providers.scripted.request_max_retries': 0,
    'model_providers.scripted.stream_max_retries': 1,
  }
  const { failure, events } = await place.run(script(say('x')), {
    settings: place.settings({ config: nowhere }),
  })
  expect(failure).toMatchObject({ class: 'network', retryable: true })
  expect(events).toContainEqual({ kind: 'notice', message: expect.stringMatching(/error sending request/) })
})

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  '%s in the middle of a command is a killed worker',
  async (signal) => {
    const { failure, track } = await place.run(script(run('sleep 600')), {}, ({ activity }, child) => {
      if (activity.kind === 'tool') child.kill(signal)
    })
    expect(failure).toMatchObject({
      class: 'killed',
      retryable: true,
      message: expect.stringContaining('sleep 600'),
    })
    expect(track.outcome).toBeNull()
  },
)

test('a worker that cannot start says why', async () => {
  const lost = await place.run('x', { resume: '01a1f72c-1a8b-7fd0-b04b-f7d2da7bd86c' })
  expect(lost.failure).toMatchObject({ class: 'start-failed', retryable: false })
  const config = { 'features.no_such_feature': true }
  const unknown = await place.run('x', { settings: place.settings({ config }) })
  expect(unknown.failure).toMatchObject({
    class: 'start-failed',
    message: expect.stringMatching(/no_such_feature/),
  })
  const nowhere = await place.run('x', { worktree: join(place.root, 'none') })
  expect(nowhere.failure).toMatchObject({
    class: 'start-failed',
    message: expect.stringMatching(/No such file/),
  })
})
