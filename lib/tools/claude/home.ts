/** The program's own folder (login, session files), what signs its requests, and who serves them. */
import { readdirSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { errno, Failure } from '../../kit/errors.ts'
import { lookAt, readBounded } from '../../kit/read.ts'
import { isTable, parseTable } from '../workers/json.ts'

function claudeHome(env: NodeJS.ProcessEnv): string {
  return env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), '.claude')
}

/** Its login, and who is asked instead of the provider. Not what the orchestrator's own session has set. */
export const needs = [
  'ANTHROPIC_*',
  'CLAUDE_CONFIG_DIR',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_*',
  'CLAUDE_CODE_SKIP_*_AUTH',
]

const elsewhere = {
  CLAUDE_CODE_USE_BEDROCK: 'bedrock',
  CLAUDE_CODE_USE_VERTEX: 'vertex',
  CLAUDE_CODE_USE_FOUNDRY: 'foundry',
} as const

const keys = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  ...Object.keys(elsewhere),
]

/**
 * A sentence with what to type, or null when a worker can start. One that has expired is not seen.
 * @param withSettings workers have the person's settings, where a login can be, too
 */
export function loginProblem(env: NodeJS.ProcessEnv, withSettings: boolean): string | null {
  if (keys.some((name) => env[name])) return null
  // The system's keychain cannot be seen from here.
  if (process.platform === 'darwin') return null
  const file = join(claudeHome(env), '.credentials.json')
  if ((lookAt(file)?.size ?? 0) > 0 || hasKey(env) || hasLogin(managedSettings)) return null
  const settings = join(claudeHome(env), 'settings.json')
  if (!hasLogin(settings))
    return `Claude Code is not logged in (no ${file}, no ANTHROPIC_API_KEY): type claude and there /login, or export ANTHROPIC_API_KEY.`
  if (withSettings) return null
  return `Claude Code's login is in ${settings}, which workers do not have: set claude.user_config to true in .orchestrator-state/config.yaml, or export ANTHROPIC_API_KEY.`
}

/** The machine's, which nobody can leave out. */
const managedSettings = '/etc/claude-code/managed-settings.json'

/** A program that gives the key, or the key itself among the variables that it sets. */
function hasLogin(path: string): boolean {
  const settings = tableIn(path)
  const set = isTable(settings?.env) ? settings.env : {}
  return typeof settings?.apiKeyHelper === 'string' || keys.some((name) => set[name])
}

/** A key that was made in the browser is beside the settings. */
function hasKey(env: NodeJS.ProcessEnv): boolean {
  const path = env.CLAUDE_CONFIG_DIR
    ? join(env.CLAUDE_CONFIG_DIR, '.claude.json')
    : join(env.HOME || homedir(), '.claude.json')
  return typeof tableIn(path)?.primaryApiKey === 'string'
}

/** Many keep such files elsewhere, and a link here. Null for what cannot be read: then no login is seen in it. */
function tableIn(path: string): Record<string, unknown> | null {
  try {
    return parseTable(readBounded(realpathSync(path), 16 * 1024 * 1024)?.toString() ?? '')
  } catch (error) {
    if (error instanceof Failure || ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errno(error) ?? ''))
      return null
    throw error
  }
}

/** `claude/anthropic`; `claude/<host>` where another is asked. */
export function providerOf(env: NodeJS.ProcessEnv): string {
  for (const [name, provider] of Object.entries(elsewhere)) if (env[name]) return `claude/${provider}`
  const url = env.ANTHROPIC_BASE_URL
  return `claude/${url && URL.canParse(url) ? new URL(url).host : 'anthropic'}`
}

/** The session file of a thread: one folder for each directory it was begun in. */
export function findTranscript(env: NodeJS.ProcessEnv, thread: string): string | null {
  const projects = join(claudeHome(env), 'projects')
  const paths = foldersIn(projects).map((name) => join(projects, name, `${thread}.jsonl`))
  return paths.find((path) => lookAt(path)?.isFile()) ?? null
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errno(error) ?? '')) return []
    throw error
  }
}
