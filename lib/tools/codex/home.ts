/** The program's own folder: where its login, its configuration and its session files are. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { errno } from '../../kit/errors.ts'

export function codexHome(env: NodeJS.ProcessEnv): string {
  return env.CODEX_HOME || join(env.HOME || homedir(), '.codex')
}

/** The text of the person's config.toml; empty when there is none. */
export function userConfigText(home: string): string {
  try {
    return readFileSync(join(home, 'config.toml'), 'utf8')
  } catch (error) {
    const code = errno(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return ''
    throw error
  }
}
