/** Seen to fail: without `hasLogin` in lib/tools/claude/home.ts. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loginProblem } from '../../../lib/tools/claude/home.ts'

const home = mkdtempSync(join(tmpdir(), 'dirigent-test-'))
afterAll(() => rmSync(home, { recursive: true }))
const env = { CLAUDE_CONFIG_DIR: home }

test('a login is in the environment, in a file of its own, or in settings that workers may not have', () => {
  expect(loginProblem(env, true)).toMatch(/\/login/)
  expect(loginProblem({ ...env, ANTHROPIC_API_KEY: 'k' }, false)).toBeNull()
  for (const settings of [{ apiKeyHelper: 'pass key' }, { env: { ANTHROPIC_AUTH_TOKEN: 't' } }]) {
    writeFileSync(join(home, 'settings.json'), JSON.stringify(settings))
    expect(loginProblem(env, false)).toMatch(/settings\.json.*claude\.user_config/)
    expect(loginProblem(env, true)).toBeNull()
  }
  // Seen to fail: read without following it, which was an error.
  renameSync(join(home, 'settings.json'), join(home, 'kept-elsewhere.json'))
  symlinkSync('kept-elsewhere.json', join(home, 'settings.json'))
  expect(loginProblem(env, true)).toBeNull()
  rmSync(join(home, 'settings.json'))
  mkdirSync(join(home, 'settings.json'))
  expect(loginProblem(env, true)).toMatch(/\/login/)
  rmSync(join(home, 'settings.json'), { recursive: true })
  writeFileSync(join(home, 'settings.json'), '{"env": 7')
  expect(loginProblem(env, true)).toMatch(/\/login/)
  writeFileSync(join(home, '.credentials.json'), '{}')
  expect(loginProblem(env, false)).toBeNull()
})
