/** Runs the real Claude Code without a person, against the scripted model. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { Sandbox } from '../support/sandbox.ts'
import type { ScriptedClaude } from './server.ts'

/** The native program that the npm package brings for this machine. */
export function claudeProgram(): string {
  const { platform, arch } = process
  const name = `@anthropic-ai/claude-code-${platform}-${arch}/package.json`
  return join(dirname(createRequire(import.meta.url).resolve(name)), 'claude')
}

export interface ClaudeRan {
  readonly exitCode: number
  readonly stderr: string
  /** Its event stream, one object a line. */
  // biome-ignore lint/suspicious/noExplicitAny: a foreign format
  readonly events: any[]
}

/** One session in the sandbox's repository, with a home of its own; nothing is allowed but what `flags` allow. */
export async function claude(
  box: Sandbox,
  model: ScriptedClaude,
  prompt: string,
  flags: readonly string[] = [],
): Promise<ClaudeRan> {
  const ran = await execa(claudeProgram(), ['-p', '--output-format', 'stream-json', '--verbose', ...flags], {
    cwd: box.repo,
    input: prompt,
    env: { ...box.env, ...model.env, CLAUDE_CONFIG_DIR: join(box.directory, 'home', '.claude') },
    extendEnv: false,
    reject: false,
    timeout: 240_000,
  })
  const lines = String(ran.stdout).split('\n')
  return {
    exitCode: ran.exitCode ?? -1,
    stderr: String(ran.stderr),
    events: lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
  }
}
