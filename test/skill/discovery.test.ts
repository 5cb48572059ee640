/** The real Claude Code finds the skill, reads it when it is used, and runs our verbs: after `init`, and as a plugin. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
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
async function session(steps: readonly Reply[], flags: readonly string[] = [], cwd = box.repo) {
  model = await startScriptedClaude(({ results }) => steps[results.length] ?? { say: 'done' })
  const ran = await claude(box, model, 'Work through the backlog.', flags, undefined, cwd)
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

/** As the skill writes them, and as an agent is wont to. */
const free = [
  'dirigent status | head -5 && dirigent wait --timeout 1s 2>&1',
  // It is refused by Dirigent, so no worker starts.
  "dirigent spawn --spec - <<'END'\n---\ntitle: x\nneeds: [nothing]\n---\n`touch ran`, $(touch ran)\n  END\nEND",
  'dirigent help --json | head -c 60',
  'dirigent --help',
  "dirigent reject gone 'it'\\''s $(touch ran)' --json",
  "dirigent send gone --file - <<'END'\nit's `touch ran`\nEND\n",
]
const asked = [
  // Forms that the skill warns of.
  'dirigent send gone "$x"',
  'dirigent send gone --file - <<END\nx\nEND',
  "dirigent send gone --file - <<'END' && dirigent status\nx\nEND",
  'dirigent build -- touch ran',
  'dirigent init --uninstall',
  'dirigent status; touch ran',
  'dirigent status && curl http://127.0.0.1:9/',
  'dirigent status $(touch ran)',
  'dirigent status > ran',
  'PATH=/tmp:$PATH dirigent status',
  'dirigent statuses',
]

// Seen to fail: without the rules for help; with a rule `Bash(dirigent:*)`.
it('lets the verbs of an orchestrator run without a prompt, and nothing beside them', async () => {
  const bin = join(box.directory, 'bin')
  mkdirSync(bin)
  symlinkSync(join(root, 'bin', 'dirigent'), join(bin, 'dirigent'))
  box.env.PATH = `${box.env.PATH}:${bin}`
  const { ran } = await session([...free, ...asked].map((command) => ({ tool: 'Bash', input: { command } })))
  const denied = ran.events
    .at(-1)
    .permission_denials.map(({ tool_input }: { tool_input: { command: string } }) => tool_input.command)
  expect(denied).toEqual(asked)
  expect(existsSync(join(box.repo, 'ran'))).toBe(false)
})

it('is found further down, where its rules do not count', async () => {
  const below = join(box.repo, 'below')
  mkdirSync(below)
  const { ran } = await session([{ tool: 'Bash', input: { command: 'dirigent status' } }], [], below)
  expect(ran.events.find(({ subtype }) => subtype === 'init').skills).toContain('dirigent')
  expect(ran.events.at(-1).permission_denials).toHaveLength(1)
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
