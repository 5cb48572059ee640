/** The kinds of workers, and the one place that picks by kind. */
import { claudeKind } from '../claude/claude.ts'
import type { ClaudeSettings } from '../claude/settings.ts'
import { codexKind } from '../codex/codex.ts'
import type { CodexSettings } from '../codex/settings.ts'
import { type CommandSettings, commandKind } from '../command/command.ts'
import type { WorkerKind } from './worker.ts'

/** As a repository's settings have them. */
export interface KindSettings {
  readonly codex: CodexSettings
  readonly claude: ClaudeSettings
  readonly command: CommandSettings
}

export type KindName = keyof KindSettings

const kinds: { readonly [name in KindName]: (all: KindSettings, env: NodeJS.ProcessEnv) => WorkerKind } = {
  codex: ({ codex }, env) => codexKind(codex, env),
  claude: ({ claude }, env) => claudeKind(claude, env),
  command: ({ command }, env) => commandKind(command, env),
}

export function workerKind(name: KindName, settings: KindSettings, env: NodeJS.ProcessEnv): WorkerKind {
  return kinds[name](settings, env)
}
