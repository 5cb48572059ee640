import { afterAll, beforeAll, expect, it } from 'vitest'
import { Bench } from './codex.ts'
import { cut, fail, run, type Step, say, status } from './scenario.ts'
import { type ScriptedModel, startScriptedModel } from './server.ts'

let model: ScriptedModel
let bench: Bench

beforeAll(async () => {
  model = await startScriptedModel()
  bench = await Bench.make()
})

afterAll(async () => {
  await model.close()
  await bench.remove()
})

/** Plays the steps; also says how many requests they took. */
async function play(steps: readonly Step[], slug = 'gpt-5.5') {
  model.set('trouble', steps)
  const before = model.requests.length
  const result = await bench.codex(model, 'SCENARIO: trouble', { model: slug })
  const notices = result.events.flatMap(({ type, message }) => (type === 'error' ? [message ?? ''] : []))
  return { ...result, notices, requests: model.requests.length - before }
}

it('answers 429 for ever, and codex gives up at once', async () => {
  const result = await play([status(429)])
  expect(result).toMatchObject({ exitCode: 1, requests: 1 })
  expect(result.failure).toBe('exceeded retry limit, last status: 429 Too Many Requests')
})

it('answers 429 with a time to wait once, and codex comes back after it', async () => {
  const result = await play([status(429, { retryAfter: 1, times: 1 }), say('ok')])
  expect(result).toMatchObject({ exitCode: 0, said: ['ok'], requests: 2 })
})

it('answers 500 once, and codex does not mention it', async () => {
  const result = await play([run('echo 1'), status(500, { times: 1 }), run('echo 2'), say('ok')])
  expect(result).toMatchObject({ exitCode: 0, said: ['ok'], notices: [], requests: 4 })
  expect(result.commands.map((command) => command.aggregated_output)).toEqual(['1\n', '2\n'])
})

it('sends the body that the script gives', async () => {
  const overloaded = await play([status(503, { body: { error: { code: 'server_is_overloaded' } } })])
  expect(overloaded.failure).toContain('at capacity')
  const refused = await play([status(400, { body: 'no such thing' })])
  expect(refused.failure).toBe('no such thing')
})

it('fails a response with a code', async () => {
  const limited = await play([
    fail('rate_limit_exceeded', 'Please try again in 0.1s.', { times: 1 }),
    say('ok'),
  ])
  expect(limited).toMatchObject({ exitCode: 0, said: ['ok'], requests: 2 })
  const full = await play([fail('context_length_exceeded', 'too long')])
  expect(full.exitCode).toBe(1)
  expect(full.failure).toContain('ran out of room')
})

it.each(['gpt-5.5', 'gpt-5.6-luna'])(
  'cuts a stream in the middle of an item that %s then drops',
  async (slug) => {
    const result = await play([run('echo 1'), cut({ after: 'partial' }), say('whole')], slug)
    expect(result).toMatchObject({ exitCode: 0, said: ['whole'], requests: 3 })
    expect(result.notices[0]).toContain('Reconnecting... 1/2')
  },
)

it('cuts a stream after a call that codex then makes all the same', async () => {
  const result = await play([cut({ after: 'item' }), run('echo once >> cut.txt; cat cut.txt'), say('ok')])
  expect(result.commands).toMatchObject([{ aggregated_output: 'once\n' }])
  expect(result.said).toEqual(['ok'])
})

it('cuts a stream after a message, which codex keeps and gets again', async () => {
  const result = await play([cut({ after: 'item' }), say('twice')])
  expect(result.said).toEqual(['twice', 'twice'])
})
