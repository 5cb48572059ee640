/**
 * Hooks beside a worker: programs that the worker's own program runs at certain events, with the event as JSON on
 * stdin and an answer on stdout. Those that have hooks speak the same words; how they are told of ours is their own.
 */
import { isTable, parseTable } from './json.ts'

/** Our name of a hook → the name of its event. */
export const hookEvents = {
  'pre-tool-use': 'PreToolUse',
  'post-tool-use': 'PostToolUse',
  stop: 'Stop',
} as const
export type HookName = keyof typeof hookEvents
export const hookNames = Object.keys(hookEvents) as HookName[]

/** Command lines, run by a shell. */
export type Hooks = { readonly [name in HookName]?: string }

/** Seconds; then the worker goes on as if there were no hook. Starting on a busy machine may take some. */
export const hookTimeout = 60

/** The input of the command that a call on the hook's stdin is about; null when it is about something else. */
export function commandIn(call: string): { readonly command: string } | null {
  const table = parseTable(call)
  if (table?.tool_name !== 'Bash' || !isTable(table.tool_input)) return null
  const { command } = table.tool_input
  return typeof command === 'string' ? { ...table.tool_input, command } : null
}

/** What the hook before a command says so that another input takes the place of its own. */
export function runInstead(updatedInput: { readonly command: string }): string {
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: hookEvents['pre-tool-use'],
      permissionDecision: 'allow',
      updatedInput,
    },
  })
}

/** Of a text that a hook adds to the conversation codex keeps some 2500 tokens, claude 10,000 characters; bytes that are never cut. */
export const mostAdded = 9000

/** What the hook after a tool says so that the model reads `text` with its next step. @param event when it has another name */
export function alsoRead(text: string, event?: string): string {
  return JSON.stringify({
    hookSpecificOutput: { hookEventName: event || hookEvents['post-tool-use'], additionalContext: text },
  })
}

/** What the hook at the end of a turn says so that the model goes on, and why. */
export function goOn(reason: string): string {
  return JSON.stringify({ decision: 'block', reason })
}
