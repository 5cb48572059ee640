/** Runs the real Claude Code without a person, against the scripted model. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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

/** As the person does who opens the project once: its allow rules count from then on. */
function trust(home: string, project: string): void {
  const path = join(home, '.claude.json')
  const known = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  const projects = {
    ...known.projects,
    [project]: { ...known.projects?.[project], hasTrustDialogAccepted: true },
  }
  mkdirSync(home, { recursive: true })
  writeFileSync(path, JSON.stringify({ ...known, projects }))
}

/** One session in the sandbox's repository, with a home of its own; nothing is allowed but what `flags` allow. */
export async function claude(
  box: Sandbox,
  model: ScriptedClaude,
  prompt: string,
  flags: readonly string[] = [],
  cancelSignal?: AbortSignal,
  cwd = box.repo,
): Promise<ClaudeRan> {
  const home = join(box.directory, 'home', '.claude')
  trust(home, box.repo)
  const ran = await execa(claudeProgram(), ['-p', '--output-format', 'stream-json', '--verbose', ...flags], {
    cwd,
    input: prompt,
    env: { ...box.env, ...model.env, CLAUDE_CONFIG_DIR: home },
    extendEnv: false,
    reject: false,
    ...(cancelSignal ? { cancelSignal, forceKillAfterDelay: 100 } : {}),
    timeout: 240_000,
  })
  const lines = String(ran.stdout).split('\n')
  return {
    exitCode: ran.exitCode ?? -1,
    stderr: String(ran.stderr),
    events: lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
  }
}
