/** The real Claude Code finds the skill, reads it when it is used, and runs our verbs: after `init`, and as a plugin. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { claude, claudeProgram } from '../scripted-claude/claude.ts'
import { type Reply, type ScriptedClaude, startScriptedClaude } from '../scripted-claude/server.ts'
import { makeSandbox, root, type Sandbox } from '../support/sandbox.ts'

const body = readFileSync(join(root, 'skill', 'SKILL.md'), 'utf8').replace(/^---\n[\s\S]*?\n---\n/, '')

let box: Sandbox
let model: ScriptedClaude | undefined
beforeEach(async () => {
  box = await makeSandbox()
})
afterEach(async () => {
  await model?.close()
  await box.close()
})

/** A session in which the model does this, one after the other. */
async function session(steps: readonly Reply[], flags: readonly string[] = []) {
  model = await startScriptedClaude(({ results }) => steps[results.length] ?? { say: 'done' })
  const ran = await claude(box, model, 'Work through the backlog.', flags)
  expect(ran.exitCode, ran.stderr).toBe(0)
  expect(model.problems).toEqual([])
  return { ran, asks: model.asks, results: model.asks.at(-1)?.results ?? [] }
}

it('is listed after init, without its body; used, its body is told', async () => {
  const { ran, asks } = await session([{ tool: 'Skill', input: { skill: 'dirigent' } }])
  expect(ran.events.find(({ subtype }) => subtype === 'init').skills).toContain('dirigent')
  expect(asks[0]?.system).toMatch(/- dirigent: Use when/)
  expect(asks[0]?.said.join()).not.toContain('You are the orchestrator')
  expect(asks[1]?.said.join()).toContain(body.trim())
})

it('comes as a plugin, too, with the verbs on PATH and no system command hidden', async () => {
  const steps = ['command -v dirigent', 'command -v diff'].map((command) => ({
    tool: 'Bash',
    input: { command },
  }))
  const { ran, results } = await session(steps, ['--plugin-dir', root, '--allowedTools', 'Bash'])
  expect(ran.events.find(({ subtype }) => subtype === 'init').skills).toContain('dirigent:dirigent')
  expect(results.map(({ text }) => text.trim())).toEqual([
    join(root, 'bin', 'dirigent'),
    expect.stringMatching(/^\/(usr\/)?bin\/diff$/),
  ])
})

it('has plugin and marketplace files that Claude Code finds nothing wrong with', async () => {
  const ran = await execa(claudeProgram(), ['plugin', 'validate', root], {
    env: { ...box.env },
    extendEnv: false,
    reject: false,
  })
  expect(ran.stdout).toMatch(/Validation passed$/m)
  const plugin = JSON.parse(readFileSync(join(root, '.claude-plugin', 'plugin.json'), 'utf8'))
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect([plugin.name, plugin.version, plugin.license]).toEqual([own.name, own.version, own.license])
})
