import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Bench } from './codex.ts'
import { patch, run, say, think } from './scenario.ts'
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

const inline = (script: unknown) => `Please.\n\n\`\`\`script\n${JSON.stringify(script)}\n\`\`\`\n`
const fileIn = (name: string) => readFile(join(bench.dir, name), 'utf8')

describe.each([
  ['function tools', 'gpt-5.5'],
  ['code mode', 'gpt-5.6-luna'],
])('codex with %s', (_dialect, slug) => {
  it('thinks, speaks, runs commands and patches a file, in the order of the script', async () => {
    const file = `${slug}.txt`
    model.set('whole', [
      think('**Considering**'),
      say('Running it.'),
      run('echo out; exit 3'),
      patch(`*** Begin Patch\n*** Add File: ${file}\n+it's "one"\n*** End Patch`),
      run(`cat ${file}`),
      say('done'),
    ])
    const result = await bench.codex(model, 'Hello.\nSCENARIO: whole\n', { model: slug })

    expect(result.exitCode).toBe(0)
    const items = result.events.flatMap(({ type, item }) => (type === 'item.completed' && item ? [item] : []))
    expect(items.map(({ type }) => type)).toEqual([
      ...['reasoning', 'agent_message', 'command_execution', 'file_change', 'command_execution'],
      'agent_message',
    ])
    expect(items[2]).toMatchObject({ aggregated_output: 'out\n', exit_code: 3 })
    expect(await fileIn(file)).toBe('it\'s "one"\n')
    expect(items[4]).toMatchObject({ aggregated_output: 'it\'s "one"\n', exit_code: 0 })
    expect(result.said).toEqual(['Running it.', 'done'])
  })

  it('asks for a long command again until it has ended', async () => {
    model.set('long', ({ outputs }) => [
      run('echo a; sleep 1; echo b; exit 4', { yieldMs: 250 }),
      say(JSON.stringify(outputs)),
    ])
    const result = await bench.codex(model, 'SCENARIO: long', { model: slug })
    expect(result.commands).toMatchObject([{ aggregated_output: 'a\nb\n', exit_code: 4 }])
    expect(result.said).toEqual([JSON.stringify([{ text: 'a\nb\n', exitCode: 4 }])])
  })

  it('leaves a long command behind when the script does not poll', async () => {
    model.set('left', [run('sleep 60', { yieldMs: 250, pollUntilDone: false }), say('not waiting')])
    const result = await bench.codex(model, 'SCENARIO: left', { model: slug })
    expect(result.said).toEqual(['not waiting'])
    expect(result.commands).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('goes on after a command that %s ended', async (killSignal) => {
    const started = `${slug}-${killSignal}`
    model.set('killed', [run(`touch ${started}; exec sleep 60`), run('echo after'), say('done')])
    const kill = new AbortController()
    const running = bench.codex(model, 'SCENARIO: killed', { model: slug, signal: kill.signal, killSignal })
    await vi.waitUntil(() => existsSync(join(bench.dir, started)), { timeout: 30_000 })
    kill.abort()
    const { threadId } = await running
    const resumed = await bench.codex(model, 'Go on.', { model: slug, resume: threadId })
    expect(resumed.commands.map((command) => command.aggregated_output)).toEqual(['after\n'])
    expect(resumed.said).toEqual(['done'])
  })

  it('finds its place in the script again after a compaction', async () => {
    model.set('full', [
      run('echo one', { usage: { input: 400_000, output: 1 } }),
      run('echo two'),
      say('done'),
    ])
    const result = await bench.codex(model, 'SCENARIO: full', { model: slug })
    expect(result.commands.map((command) => command.aggregated_output)).toEqual(['one\n', 'two\n'])
    expect(result.said).toEqual(['done'])
  })
})

describe('a script', () => {
  it('can stand in the prompt itself', async () => {
    const result = await bench.codex(model, inline([{ run: 'echo hi > a.txt' }, { say: 'written' }]))
    expect(result.said).toEqual(['written'])
    expect(await fileIn('a.txt')).toBe('hi\n')
  })

  it('can differ from attempt to attempt; the last list serves all later ones', async () => {
    const prompt = inline({ attempts: [[{ say: 'first' }], [{ say: 'second' }]] })
    for (const [line, answer] of [
      ['', 'first'],
      ['Attempt: 2 of 3', 'second'],
      ['- Attempt: 3', 'second'],
    ]) {
      expect((await bench.codex(model, `${prompt}\n${line}\n`)).said).toEqual([answer])
    }
  })

  it('that is a function decides by arguments, attempt and what the tools gave back', async () => {
    model.set('steered', ({ args, attempt, outputs }) => [
      run(`echo ${args.join('+')} ${attempt}`),
      say(outputs[0]?.text.trim() ?? 'nothing yet'),
    ])
    const result = await bench.codex(model, 'SCENARIO: steered x y\nAttempt: 2')
    expect(result.said).toEqual(['x+y 2'])
  })

  it('goes on where it ended when the thread is resumed without a marker', async () => {
    model.set('question', [run('echo 1'), say('A or B?', { end: true }), run('echo 2'), say('thanks')])
    const asked = await bench.codex(model, 'SCENARIO: question')
    expect(asked.said).toEqual(['A or B?'])
    const answered = await bench.codex(model, 'B', { resume: asked.threadId })
    expect(answered.threadId).toBe(asked.threadId)
    expect(answered.commands.map((command) => command.aggregated_output)).toEqual(['2\n'])
    expect(answered.said).toEqual(['thanks'])
  })

  it('that is a function sees each prompt of a resumed thread as a turn', async () => {
    model.set('turns', ({ turn, prompt }) => [run('true'), say(`${turn}: ${prompt}`)])
    const first = await bench.codex(model, 'SCENARIO: turns')
    const second = await bench.codex(model, 'more', { resume: first.threadId })
    expect([...first.said, ...second.said]).toEqual(['0: SCENARIO: turns', '1: more'])
    expect(second.commands).toHaveLength(1)
  })

  it('that is missing or unreadable is named in the answer', async () => {
    const answers = await Promise.all(
      ['hello', 'SCENARIO: nobody', inline([{ jump: 1 }])].map((prompt) => bench.codex(model, prompt)),
    )
    expect(answers.map(({ said }) => said[0])).toEqual([
      'no scenario in the prompt',
      'there is no scenario "nobody"',
      'the script in the prompt cannot be read: this is not a step: {"jump":1}',
    ])
  })
})

describe('the server', () => {
  it('keeps workers apart that run side by side', async () => {
    model.set('mine', ({ args }) => [1, 2, 3].map((n) => run(`echo ${args[0]}${n}`)))
    const runs = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => bench.codex(model, `SCENARIO: mine ${name}`)),
    )
    expect(runs.map(({ commands }) => commands.map((command) => command.aggregated_output).join(''))).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => `${name}1\n${name}2\n${name}3\n`),
    )
  })

  it('reports the tokens that the script sets', async () => {
    model.set('costly', [
      run('true', { usage: { input: 5000, cached: 4000, output: 70, reasoning: 9 } }),
      say('a default one'),
    ])
    const { events } = await bench.codex(model, 'SCENARIO: costly')
    expect(events.at(-1)?.usage).toMatchObject({
      ...{ input_tokens: 6000, cached_input_tokens: 4000, output_tokens: 170, reasoning_output_tokens: 9 },
    })
  })

  it('records what it was sent', async () => {
    const before = model.requests.length
    const result = await bench.codex(model, 'Look at this.\nSCENARIO: nobody', {
      config: { model_reasoning_effort: 'high' },
    })
    const recorded = model.requests.slice(before)
    expect(recorded).toHaveLength(1)
    expect(recorded[0]).toMatchObject({
      ...{ method: 'POST', path: '/v1/responses', scenario: 'nobody', threadId: result.threadId },
      prompt: 'Look at this.\nSCENARIO: nobody',
      headers: { authorization: 'Bearer x', originator: 'codex_exec' },
      body: { model: 'gpt-5.5', reasoning: { effort: 'high' } },
    })
  })

  it('lets a hanging worker be killed, and its thread be resumed', async () => {
    model.set('stuck', [run('echo 1'), { hang: true, times: 1 }, run('echo 2'), say('done')])
    const before = model.requests.length
    const kill = new AbortController()
    const hanging = bench.codex(model, 'SCENARIO: stuck', { signal: kill.signal })
    await vi.waitUntil(() => model.requests.length === before + 2, { timeout: 30_000 })
    kill.abort()
    const killed = await hanging
    expect(killed).toMatchObject({ signal: 'SIGTERM', said: [] })
    const resumed = await bench.codex(model, 'Go on.', { resume: killed.threadId })
    expect(resumed.commands.map((command) => command.aggregated_output)).toEqual(['2\n'])
    expect(resumed.said).toEqual(['done'])
  })

  it('lets a hanging response go on when it is released', async () => {
    model.set('held', [{ hang: true }, say('free')])
    const before = model.requests.length
    const held = bench.codex(model, 'SCENARIO: held')
    await vi.waitUntil(() => model.requests.length > before, { timeout: 30_000 })
    await vi.waitUntil(() => model.release() > 0, { timeout: 30_000 })
    expect((await held).said).toEqual(['free'])
  })
})
