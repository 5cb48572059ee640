/**
 * A hook that codex runs before each command. It is given by `-c` and trusted by its hash: codex runs no hook
 * whose hash it was not told, and leaves it out without a word (measured, 0.169). The hash is over the
 * definition, so another command line is another hash; nothing else becomes trusted by it.
 */
import { createHash } from 'node:crypto'
import { isTable, parseTable } from './json.ts'
import type { Tree } from './overrides.ts'

/** Seconds; then the command runs as it is. Starting on a busy machine may take some. */
const timeout = 60
/** Commands are called so in both families of models; patches are not meant. */
const matcher = '^Bash$'
/** Where codex says that definitions given by `-c` come from. */
const source = '/<session-flags>/config.toml'

/** The configuration that makes codex run `command` (by a shell) before each command of the model's. */
export function hookConfig(command: string): Tree {
  const hook = { type: 'command', command, timeout }
  return {
    hooks: {
      PreToolUse: [{ matcher, hooks: [hook] }],
      state: { [`${source}:pre_tool_use:0:0`]: { trusted_hash: hashOf(command) } },
    },
  }
}

/** Keys in alphabetical order: this very text is what codex hashes. */
function hashOf(command: string): string {
  const hook = { async: false, command, timeout, type: 'command' }
  const definition = { event_name: 'pre_tool_use', hooks: [hook], matcher }
  return `sha256:${createHash('sha256').update(JSON.stringify(definition)).digest('hex')}`
}

/** The command that a call on the hook's stdin is about; null when it is about something else. */
export function commandIn(call: string): string | null {
  const table = parseTable(call)
  if (table?.tool_name !== 'Bash' || !isTable(table.tool_input)) return null
  const { command } = table.tool_input
  return typeof command === 'string' ? command : null
}

/** What the hook says so that another command runs instead. */
export function runInstead(command: string): string {
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'allow',
      updatedInput: { command },
    },
  })
}
