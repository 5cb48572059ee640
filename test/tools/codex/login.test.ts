import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loginProblem } from '../../../lib/tools/codex/login.ts'
import type { CodexSettings } from '../../../lib/tools/codex/settings.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'codex-login-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const settings = (change: Partial<CodexSettings> = {}): CodexSettings => ({
  path: null,
  user_config: false,
  mcp_servers: [],
  config: {},
  flags: [],
  ...change,
})
const problem = (change: Partial<CodexSettings> = {}, env: NodeJS.ProcessEnv = {}) =>
  loginProblem(settings(change), { CODEX_HOME: home, ...env })

test('no login says what to type', () => {
  expect(problem()).toMatch(/not logged in.*codex login.*CODEX_API_KEY/)
  expect(loginProblem(settings(), { HOME: home })).toContain(join(home, '.codex/auth.json'))
})

test.each(['CODEX_API_KEY', 'OPENAI_API_KEY'])('%s is a login, unless it is empty', (key) => {
  expect(problem({}, { [key]: 'k' })).toBeNull()
  expect(problem({}, { [key]: '' })).not.toBeNull()
})

test('a login file is a login, unless it is empty', () => {
  writeFileSync(join(home, 'auth.json'), '')
  expect(problem()).not.toBeNull()
  writeFileSync(join(home, 'auth.json'), '{"tokens":{}}')
  expect(problem()).toBeNull()
})

test.each([
  ['flat keys', { model_provider: 'acme', 'model_providers.acme.env_key': 'ACME_KEY' }],
  ['nested tables', { model_provider: 'acme', model_providers: { acme: { env_key: 'ACME_KEY' } } }],
  ['a flat table', { model_provider: 'acme', 'model_providers.acme': { env_key: 'ACME_KEY' } }],
])('another provider, given by %s, needs its own key', (_, config) => {
  expect(problem({ config }, { ACME_KEY: 'k' })).toBeNull()
  expect(problem({ config }, { CODEX_API_KEY: 'k' })).toMatch(/"acme".*export ACME_KEY/)
})

test('another provider without a key needs no login, unless it says so', () => {
  expect(problem({ config: { model_provider: 'ollama' } })).toBeNull()
  expect(problem({ flags: ['--oss'] })).toBeNull()
  const proxy = { model_provider: 'p', 'model_providers.p.requires_openai_auth': true }
  expect(problem({ config: proxy })).toMatch(/codex login/)
})

test.each([
  ['a section', 'model_provider = "acme"\n[model_providers.acme]\nname = "A"\nenv_key = "ACME_KEY" # x\n'],
  [
    'an inline table',
    "model_provider = 'acme'\n[model_providers]\nacme = { name = 'A', env_key = \"ACME_KEY\" }\n",
  ],
])('the person’s own provider, given by %s, counts with user_config only', (_, text) => {
  writeFileSync(join(home, 'config.toml'), text)
  expect(problem({ user_config: true }, { ACME_KEY: 'k' })).toBeNull()
  expect(problem({ user_config: true })).toMatch(/export ACME_KEY/)
  expect(problem({}, { ACME_KEY: 'k' })).toMatch(/codex login.*user_config: true.*"acme"/)
})

test('a keyring cannot be looked into', () => {
  writeFileSync(join(home, 'config.toml'), 'cli_auth_credentials_store = "keyring"\n')
  expect(problem({ user_config: true })).toBeNull()
})
