/** The real Claude Code and the scripted Messages API understand each other. */
import { expect, it } from 'vitest'
import { makeSandbox } from '../support/sandbox.ts'
import { claude } from './claude.ts'
import { startScriptedClaude } from './server.ts'

it('runs a command when the script says so, tells the script what it printed, and ends', async () => {
  const box = await makeSandbox({ init: false })
  const model = await startScriptedClaude(({ results }) =>
    results.length === 0
      ? { tool: 'Bash', input: { command: 'echo "printed by $((6 * 7))"' } }
      : { say: `it was: ${results[0]?.text}` },
  )
  try {
    const ran = await claude(box, model, 'Do it.', ['--allowedTools', 'Bash'])
    expect(model.problems).toEqual([])
    expect(ran.exitCode, ran.stderr).toBe(0)
    expect(ran.events.at(-1)).toMatchObject({
      type: 'result',
      is_error: false,
      result: 'it was: printed by 42',
    })
    expect(model.asks[0]?.said.join()).toContain('Do it.')
  } finally {
    await model.close()
    await box.close()
  }
})
