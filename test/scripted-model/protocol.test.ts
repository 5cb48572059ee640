import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { hang, say, status, wait } from './scenario.ts'
import { type ScriptedModel, startScriptedModel } from './server.ts'

let model: ScriptedModel

beforeAll(async () => {
  model = await startScriptedModel({ scenarios: { slow: [wait(60_000), say('late')] } })
})

afterAll(() => model.close())

const post = (body: string) => fetch(`${model.url}/responses`, { method: 'POST', body })
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const ask = (text: string) => JSON.stringify({ model: 'm', input: [user(text)] })

it('streams a response as server-sent events', async () => {
  const response = await post(ask('hello'))
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const names = [...(await response.text()).matchAll(/^event: (.*)$/gm)].map((match) => match[1])
  expect(names).toEqual(['response.created', 'response.output_item.done', 'response.completed'])
})

it('refuses a WebSocket with 426', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const head = 'GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const socket = connect(model.port, '127.0.0.1', () => socket.write(head))
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString())
    })
  })
  expect(answer).toMatch(/^HTTP\/1\.1 426 /)
})

it('answers 404 to unknown paths and 405 to other methods', async () => {
  expect((await fetch(`${model.url}/models`)).status).toBe(404)
  expect((await fetch(`${model.url}/responses`, { method: 'DELETE' })).status).toBe(405)
})

it.each(['', '{', 'null', '[]', '{}', '{"input":"text"}'])('answers 400 to the body %j', async (body) => {
  expect((await post(body)).status).toBe(400)
})

it.each([
  [[null, 7, 'x', {}, { type: 'message' }, { type: 'function_call_output' }]],
  [[user('```script\n[{"wait":"soon"}]\n```')]],
  [[user('```script\n[{"status":"odd"}]\n```')]],
  [[user('```script\n{"attempts":[]}\n```')]],
])('outlives the odd input %j', async (input) => {
  expect((await post(JSON.stringify({ input, tools: 'none' }))).status).toBeLessThan(500)
  expect((await post(ask('hello'))).status).toBe(200)
})

it('shows the error of a scenario that throws as a 400', async () => {
  model.set('broken', () => {
    throw new Error('out of ideas')
  })
  const response = await post(ask('SCENARIO: broken'))
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('the scenario failed: out of ideas')
})

it('outlives a client that goes away', async () => {
  const leave = new AbortController()
  const before = model.requests.length
  const body = ask('SCENARIO: slow')
  const left = fetch(`${model.url}/responses`, { method: 'POST', body, signal: leave.signal })
  await vi.waitUntil(() => model.requests.length > before)
  leave.abort()
  await expect(left).rejects.toThrow('aborted')
  expect((await post(ask('hello'))).status).toBe(200)
})

it('does not hang for a client that has gone away before', async () => {
  const gate = new EventEmitter()
  model.set('gated', async () => {
    await once(gate, 'open')
    return [hang()]
  })
  const before = model.requests.length
  const leave = new AbortController()
  const body = ask('SCENARIO: gated')
  const left = fetch(`${model.url}/responses`, { method: 'POST', body, signal: leave.signal })
  await vi.waitUntil(() => model.requests.length > before)
  leave.abort()
  await expect(left).rejects.toThrow('aborted')
  await (await post(ask('hello'))).text()
  gate.emit('open')
  await (await post(ask('hello'))).text()
  expect(model.release()).toBe(0)
})

it('waits before an HTTP error and drops what the script said before it', async () => {
  model.set('late', [say('lost'), wait(1), status(418, { body: 'tea' })])
  const response = await post(ask('SCENARIO: late'))
  expect([response.status, await response.text()]).toEqual([418, 'tea'])
})

it('plays troubles one after the other, each as often as it says', async () => {
  model.set('series', [status(500, { times: 2 }), status(503, { times: 1 }), say('over')])
  const answers: number[] = []
  for (let n = 0; n < 4; n++) answers.push((await post(ask('SCENARIO: series'))).status)
  expect(answers).toEqual([500, 500, 503, 200])
})

it('keeps the bodies of the latest requests only', async () => {
  for (let n = 0; n < 310; n++) await (await post(ask('hello'))).text()
  expect(model.requests.at(-310)?.body).toEqual({})
  expect(model.requests.at(-1)?.body).toMatchObject({ model: 'm' })
  expect(model.requests.at(-310)?.prompt).toBe('hello')
})
