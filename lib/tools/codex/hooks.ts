/**
 * Hooks that codex runs beside a worker. They are given by `-c` and trusted by their hashes: codex runs no hook
 * whose hash it was not told, and leaves it out without a word (measured, 0.169). The hash is over the
 * definition, so another command line is another hash; nothing else becomes trusted by it.
 */
import { createHash } from 'node:crypto'
import { isTable, parseTable } from './json.ts'
import type { Tree } from './overrides.ts'

/** Our name of a hook → codex's name of its event, and the tools that it is about; commands of both families of models are `Bash`. */
const events = {
  'pre-tool-use': { event: 'PreToolUse', matcher: '^Bash$' },
  'post-tool-use': { event: 'PostToolUse', matcher: null },
  stop: { event: 'Stop', matcher: null },
} as const
export type HookName = keyof typeof events
export const hookNames = Object.keys(events) as HookName[]

/** Command lines, run by a shell. */
export type Hooks = { readonly [name in HookName]?: string }

/** Seconds; then the worker goes on as if there were no hook. Starting on a busy machine may take some. */
const timeout = 60
/** Where codex says that definitions given by `-c` come from. */
const source = '/<session-flags>/config.toml'

/** The configuration that makes codex run the hooks, and trust them. */
export function hookConfig(hooks: Hooks): Tree {
  const given = hookNames.flatMap((name) => {
    const command = hooks[name]
    return command === undefined ? [] : [{ name, command, ...events[name] }]
  })
  if (given.length === 0) return {}
  const definitions = given.map(({ event, matcher, command }) => {
    const hook = { type: 'command', command, timeout }
    return [event, [{ ...(matcher === null ? {} : { matcher }), hooks: [hook] }]]
  })
  const trust = given.map(({ name, matcher, command }) => {
    const key = name.replaceAll('-', '_')
    return [`${source}:${key}:0:0`, { trusted_hash: hashOf(key, matcher, command) }]
  })
  return { hooks: { ...Object.fromEntries(definitions), state: Object.fromEntries(trust) } }
}

/** Keys in alphabetical order: this very text is what codex hashes. */
function hashOf(event_name: string, matcher: string | null, command: string): string {
  const hook = { async: false, command, timeout, type: 'command' }
  const definition = { event_name, hooks: [hook], ...(matcher === null ? {} : { matcher }) }
  return `sha256:${createHash('sha256').update(JSON.stringify(definition)).digest('hex')}`
}

/** The command that a call on the hook's stdin is about; null when it is about something else. */
export function commandIn(call: string): string | null {
  const table = parseTable(call)
  if (table?.tool_name !== 'Bash' || !isTable(table.tool_input)) return null
  const { command } = table.tool_input
  return typeof command === 'string' ? command : null
}

/** What the hook before a command says so that another command runs instead. */
export function runInstead(command: string): string {
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: events['pre-tool-use'].event,
      permissionDecision: 'allow',
      updatedInput: { command },
    },
  })
}

/** Of a text that a hook adds to the conversation codex keeps some 2500 tokens; bytes that are never cut. */
export const mostAdded = 9000

/** What the hook after a tool says so that the model reads `text` with its next step. */
export function alsoRead(text: string): string {
  return JSON.stringify({
    hookSpecificOutput: { hookEventName: events['post-tool-use'].event, additionalContext: text },
  })
}

/** What the hook at the end of a turn says so that the model goes on, and why. */
export function goOn(reason: string): string {
  return JSON.stringify({ decision: 'block', reason })
}
