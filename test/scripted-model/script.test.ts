import { expect, it } from 'vitest'
import { readConversation } from './conversation.ts'
import { findAttempt, findMarker } from './marker.ts'
import { findPosition } from './position.ts'
import { type Ask, run, type Scenario, say } from './scenario.ts'
import { chooseScript } from './script.ts'

const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const answer = { type: 'message', role: 'assistant', content: [] }
const called = (call_id: string, name: string, output: string) => [
  { type: 'function_call', call_id, name, arguments: '{}' },
  { type: 'function_call_output', call_id, output },
]

async function locate(input: readonly unknown[], scenario: Scenario) {
  const { entries } = readConversation({ input })
  const script = await chooseScript(entries, new Map([['it', scenario]]), 'm')
  return findPosition(script.steps, entries.slice(script.since + 1))
}

async function askedWith(...input: readonly unknown[]): Promise<Ask | undefined> {
  const asks: Ask[] = []
  await locate(input, (ask) => {
    asks.push(ask)
    return []
  })
  return asks[0]
}

it('the last marker of a prompt wins', () => {
  expect(findMarker('SCENARIO: one\ntext\n  SCENARIO: two  a b')).toEqual({ name: 'two', args: ['a', 'b'] })
  const block = '```script\r\n[{"say":"x"}]\r\n```\n'
  expect(findMarker(`SCENARIO: one\n${block}`)?.script).toEqual([say('x')])
  expect(findMarker(`${block}SCENARIO: one`)?.name).toBe('one')
  expect(findMarker('the SCENARIO: one')).toBeUndefined()
})

it('the highest attempt in a prompt counts', () => {
  expect(findAttempt('Attempt: 1 failed\n- **Attempt:** 3 of 4\nAttempt: 2 failed')).toBe(3)
  expect(findAttempt('attempts: 5')).toBeUndefined()
})

it('what codex puts around the prompt is not a prompt', async () => {
  const context = ['# AGENTS.md instructions for /repo\nSCENARIO: other', '<environment_context>x']
  const ask = await askedWith(...context.map(user), user('SCENARIO: it'), ...context.map(user))
  expect(ask).toMatchObject({ turn: 0, prompt: 'SCENARIO: it' })
})

it('what codex says in the name of the user is not a turn', async () => {
  const ask = await askedWith(
    user('SCENARIO: it'),
    user('<turn_aborted>\nx'),
    user('<hook_prompt id="1">stay'),
  )
  expect(ask).toMatchObject({ turn: 0, prompt: 'SCENARIO: it' })
})

it('a hook that refuses the end gets the steps after it', async () => {
  const steps = [run('a'), say('over', { end: true }), run('b')]
  const upToEnd = [user('SCENARIO: it'), ...called('1', 'exec_command', 'x'), answer]
  expect(await locate(upToEnd, steps)).toEqual({ at: 1 })
  expect(await locate([...upToEnd, user('<hook_prompt id="1">stay')], steps)).toEqual({ at: 2 })
})

it('a command that codex handed back unfinished is asked for again, one that it killed is not', async () => {
  const steps = [run('a'), say('over')]
  const running = called('1', 'exec_command', 'Process running with session ID 7\nOutput:\n')
  expect(await locate([user('SCENARIO: it'), ...running], steps)).toEqual({
    at: 1,
    unfinished: { session: 7 },
  })
  expect(await locate([user('SCENARIO: it'), ...running, user('<turn_aborted>')], steps)).toEqual({ at: 1 })
  const aborted = called('1', 'exec_command', 'aborted')
  expect(await locate([user('SCENARIO: it'), ...aborted], steps)).toEqual({ at: 1 })
})

it('a command that prints the words of a head is not taken for a running one', async () => {
  const output = 'Process exited with code 0\nOutput:\nProcess running with session ID 7\nOutput:\n'
  const input = [user('SCENARIO: it'), ...called('1', 'exec_command', output)]
  expect(await locate(input, [run('a')])).toEqual({ at: 1 })
})

it('a function scenario sees exit codes of commands and patches, and polls as part of their command', async () => {
  const ask = await askedWith(
    user('SCENARIO: it'),
    ...called('1', 'exec_command', 'Process running with session ID 7\nOutput:\na\n'),
    ...called('2', 'write_stdin', 'Process exited with code 2\nOutput:\nb\n'),
    ...called('3', 'apply_patch', 'Exit code: 0\nWall time: 0 seconds\nOutput:\nSuccess\n'),
  )
  expect(ask?.outputs).toEqual([
    { text: 'a\nb\n', exitCode: 2 },
    { text: 'Success\n', exitCode: 0 },
  ])
})

it('a scenario named default serves prompts without a marker, and yields to one that has it', async () => {
  const scenarios = new Map<string, Scenario>([
    ['default', [run('a')]],
    ['it', [run('b')]],
  ])
  const stepsOf = async (text: string) => {
    const { entries } = readConversation({ input: [user(text)] })
    return (await chooseScript(entries, scenarios, 'm')).steps
  }
  expect(await stepsOf('Do it.')).toEqual([run('a')])
  expect(await stepsOf('SCENARIO: it')).toEqual([run('b')])
})
