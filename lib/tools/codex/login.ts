/**
 * Is there anything the program could sign its requests with? A look at files and variables, no process,
 * no network: it catches a login that was never made, not one that has expired.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { errno } from '../../kit/errors.ts'
import { isTable } from '../workers/json.ts'
import { codexHome, userConfigText } from './home.ts'
import { expand, type Tree } from './overrides.ts'
import type { CodexSettings } from './settings.ts'
import { scanToml, type TomlEntry, valueAt } from './toml-scan.ts'

/** A sentence with what to type, or null when a worker can start. */
export function loginProblem(settings: CodexSettings, env: NodeJS.ProcessEnv): string | null {
  const home = codexHome(env)
  const file = scanToml(userConfigText(home))
  const config = reader(expand(settings.config), settings.user_config ? file : [])
  const provider = config('model_provider')
  if (settings.flags.includes('--oss')) return null
  // The choice of another provider comes first: with it, the usual login is not used.
  if (provider !== undefined && provider !== 'openai') {
    const table = ['model_providers', provider]
    if (config(...table, 'requires_openai_auth') !== 'true') {
      return keyProblem(provider, config(...table, 'env_key') ?? inlineKey(config(...table)), env)
    }
  }
  if (env.CODEX_API_KEY || env.OPENAI_API_KEY) return null
  // Credentials in the system's keyring cannot be seen from here.
  if (['keyring', 'auto'].includes(config('cli_auth_credentials_store') ?? '')) return null
  const auth = join(home, 'auth.json')
  if (hasContent(auth)) return null
  const unused = settings.user_config ? undefined : valueAt(file, 'model_provider')
  const instead = unused
    ? `, or set codex.user_config: true, because ${join(home, 'config.toml')} chooses the provider "${unused}"`
    : ''
  return `codex is not logged in (no ${auth}, no CODEX_API_KEY): type codex login, or export CODEX_API_KEY${instead}.`
}

function keyProblem(provider: string, key: string | undefined, env: NodeJS.ProcessEnv): string | null {
  if (key === undefined || env[key]) return null
  return `The model provider "${provider}" needs the variable ${key}, which is not set: type export ${key}=…`
}

/** Looks a value up in our settings first, in the person's file second. */
export function reader(config: Tree, file: TomlEntry[]): (...path: string[]) => string | undefined {
  return (...path) => {
    const value = path.reduce<unknown>((tree, key) => (isTable(tree) ? tree[key] : undefined), config)
    return value === undefined || isTable(value) ? valueAt(file, ...path) : String(value)
  }
}

/** `name = { …, env_key = "KEY" }` on one line. */
function inlineKey(table: string | undefined): string | undefined {
  const match = /\benv_key\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(table ?? '')
  return match?.[1] ?? match?.[2]
}

function hasContent(path: string): boolean {
  try {
    const stat = statSync(path)
    return stat.isFile() && stat.size > 0
  } catch (error) {
    const code = errno(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return false
    throw error
  }
}
