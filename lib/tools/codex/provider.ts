/** Whose limits a worker meets: the name of its model provider. */
import { codexHome, userConfigText } from './home.ts'
import { reader } from './login.ts'
import { expand } from './overrides.ts'
import type { CodexSettings } from './settings.ts'
import { scanToml } from './toml-scan.ts'

/** `codex/openai`, `codex/default` when nothing names one. */
export function providerOf(settings: CodexSettings, env: NodeJS.ProcessEnv): string {
  const file = settings.user_config ? scanToml(userConfigText(codexHome(env))) : []
  return `codex/${reader(expand(settings.config), file)('model_provider') ?? 'default'}`
}
