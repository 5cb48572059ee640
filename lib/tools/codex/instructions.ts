/** The repository's instructions for agents, of which the program reads so many bytes and drops the rest. */
import { join } from 'node:path'
import { lookAt } from '../../kit/read.ts'
import { codexHome, userConfigText } from './home.ts'
import { expand } from './overrides.ts'
import type { CodexSettings } from './settings.ts'
import { scanToml, valueAt } from './toml-scan.ts'

const defaultLimit = 32 * 1024

/** The file and both figures when it is longer than what is read of it; null otherwise. */
export function instructionsTooBig(
  directory: string,
  settings: CodexSettings,
  env: NodeJS.ProcessEnv,
): { readonly path: string; readonly size: number; readonly limit: number } | null {
  const user = settings.user_config ? scanToml(userConfigText(codexHome(env))) : []
  const said = Number(expand(settings.config).project_doc_max_bytes ?? valueAt(user, 'project_doc_max_bytes'))
  const limit = said > 0 ? said : defaultLimit
  // The first one that is there is read, and the other not.
  for (const name of ['AGENTS.override.md', 'AGENTS.md']) {
    const path = join(directory, name)
    const size = lookAt(path)?.size
    if (size !== undefined) return size > limit ? { path, size, limit } : null
  }
  return null
}
