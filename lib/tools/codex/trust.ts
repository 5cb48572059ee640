/**
 * Asks the program itself which of our hooks it would run. It leaves out one whose hash is wrong without a word, and
 * how it hashes is its own affair: another version may do it another way. Takes some 300 ms.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { makeAside, quickPlace } from '../../kit/aside.ts'
import { errno } from '../../kit/errors.ts'
import { removeTree } from '../../kit/files.ts'
import { ended, start } from '../../kit/proc.ts'
import { type HookName, hookNames } from '../workers/hooks.ts'
import { isTable, parseTable } from '../workers/json.ts'
import { quiet } from './argv.ts'
import { codexHome } from './home.ts'
import { hookConfig } from './hooks.ts'
import { expand, merge, overrides } from './overrides.ts'
import type { CodexSettings } from './settings.ts'

/** Bytes of an answer that are read. */
const longest = 1024 * 1024
/** Only its text counts. */
const command = '/bin/true'

/** What was asked already in this process: doctor looks twice. */
const asked = new Map<string, Promise<readonly HookName[] | null>>()

/**
 * Hooks that a worker with these settings would not have; null when the program does not say.
 * @param patience milliseconds; then it is not known
 */
export function untrustedHooks(
  binary: string,
  settings: CodexSettings,
  env: NodeJS.ProcessEnv,
  patience = 15_000,
): Promise<readonly HookName[] | null> {
  const key = JSON.stringify([binary, settings, codexHome(env)])
  const answer = asked.get(key) ?? ask(binary, settings, env, patience)
  asked.set(key, answer)
  return answer
}

async function ask(
  binary: string,
  settings: CodexSettings,
  env: NodeJS.ProcessEnv,
  patience: number,
): Promise<readonly HookName[] | null> {
  // Its databases are synced some sixty times, which on a busy disk took a minute.
  const aside = makeAside('dirigent-codex', quickPlace())
  try {
    const home = settings.user_config ? codexHome(env) : aside
    const answer = await hooksList(binary, argvFor(settings), { ...env, CODEX_HOME: home }, aside, patience)
    return answer && hookNames.filter((name) => !isTrusted(answer, name))
  } finally {
    removeTree(aside)
  }
}

function argvFor(settings: CodexSettings): string[] {
  const hooks = Object.fromEntries(hookNames.map((name) => [name, command]))
  // Otherwise it looks for plugins on the network, by git, whose end it would wait for; none is needed for the answer.
  const calm = { check_for_update_on_startup: false, ...quiet }
  const config = merge(merge(calm, hookConfig(hooks)), expand(settings.config))
  return ['app-server', ...overrides(config)]
}

type Answer = readonly Record<string, unknown>[]

/** One JSON object a line: a greeting, its answer, then the question. Nothing in the directory is asked for. */
async function hooksList(
  binary: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  patience: number,
): Promise<Answer | null> {
  const child = await start(binary, argv, { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] })
  const end = () => child.kill('SIGKILL')
  // What it started may hold its output open: that ends then, too.
  const timer = setTimeout(() => child.stdout?.destroy(), patience)
  const tell = (message: object) => child.stdin?.write(`${JSON.stringify(message)}\n`)
  // It may end before it has read them: then there is no answer.
  child.stdin?.on('error', end)
  tell({ id: 1, method: 'initialize', params: { clientInfo: { name: 'dirigent', version: '0' } } })
  try {
    let text = ''
    for await (const chunk of child.stdout ?? []) {
      text += chunk
      if (text.length > longest) return null
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const message of lines.map(parseTable)) {
        if (message?.id === 1) {
          tell({ method: 'initialized' })
          tell({ id: 2, method: 'hooks/list', params: { cwds: [cwd] } })
        }
        if (message?.id === 2) return hooksIn(message.result)
      }
    }
    return null
  } catch (error) {
    if (errno(error) === 'ERR_STREAM_PREMATURE_CLOSE') return null
    throw error
  } finally {
    clearTimeout(timer)
    end()
    // One that waits for the disk does not end before that has answered; it does nothing any more.
    await Promise.race([ended(child), delay(2000, undefined, { ref: false })])
    child.unref()
  }
}

function hooksIn(result: unknown): Answer | null {
  const places = isTable(result) && Array.isArray(result.data) ? result.data.filter(isTable) : []
  const [place] = places
  return place && Array.isArray(place.hooks) ? place.hooks.filter(isTable) : null
}

/** `preToolUse`: as this interface spells names. */
function isTrusted(hooks: Answer, name: HookName): boolean {
  const event = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const ours = hooks.find((hook) => hook.eventName === event && hook.command === command)
  return ours?.trustStatus === 'trusted' && ours.enabled === true
}
