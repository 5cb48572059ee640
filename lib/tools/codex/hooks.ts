/**
 * Hooks that codex runs beside a worker. They are given by `-c` and trusted by their hashes: codex runs no hook
 * whose hash it was not told, and leaves it out without a word (measured, 0.169). The hash is over the
 * definition, so another command line is another hash; nothing else becomes trusted by it.
 */
import { createHash } from 'node:crypto'
import { type HookName, type Hooks, hookEvents, hookNames, hookTimeout as timeout } from '../workers/hooks.ts'
import type { Tree } from './overrides.ts'

/** The tools that a hook is about; commands of both families of models are `Bash`. */
const matchers: Readonly<Record<HookName, string | null>> = {
  'pre-tool-use': '^Bash$',
  'post-tool-use': null,
  stop: null,
}
/** Where codex says that definitions given by `-c` come from. */
const source = '/<session-flags>/config.toml'

/** The configuration that makes codex run the hooks, and trust them. */
export function hookConfig(hooks: Hooks): Tree {
  const given = hookNames.flatMap((name) => {
    const command = hooks[name]
    return command === undefined ? [] : [{ name, command, event: hookEvents[name], matcher: matchers[name] }]
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
