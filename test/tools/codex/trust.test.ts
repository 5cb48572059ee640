import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { quickPlace } from '../../../lib/kit/aside.ts'
import { findCodex } from '../../../lib/tools/codex/find.ts'
import { untrustedHooks } from '../../../lib/tools/codex/trust.ts'
import { abandonedName } from '../../support/damage.ts'
import { until } from '../../support/sandbox.ts'

const repository = join(import.meta.dirname, '../../..')
const settings = { path: null, user_config: false, mcp_servers: [], config: {}, flags: [] }
let root: string
let env: NodeJS.ProcessEnv
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'codex-trust-')))
  env = { PATH: process.env.PATH, HOME: root }
})
afterEach(() => rmSync(root, { recursive: true }))

const program = (name: string, text: string): string => {
  writeFileSync(join(root, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(root, name), 0o755)
  return join(root, name)
}

// Seen to fail: without what is switched off for a worker, too (git ls-remote https://github.com/openai/plugins.git); with a
// home on the disk, which it syncs sixty times; with what a killed look has left still there.
test('asks codex which hooks it would run, and nothing that codex would have to ask others for', async () => {
  const { binary } = findCodex(null, env, repository)
  const left = join(quickPlace(), await abandonedName('dirigent-codex'))
  mkdirSync(left)
  const watched = program('watched', `echo "$CODEX_HOME $@" > ${root}/argv; exec ${binary} "$@"`)
  expect(await untrustedHooks(watched, settings, env)).toEqual([])
  const argv = readFileSync(join(root, 'argv'), 'utf8')
  expect(argv).toContain(`${quickPlace()}/.tmp-dirigent-codex-`)
  expect(existsSync(left)).toBe(false)
  for (const off of ['analytics.enabled', 'features.plugins', 'features.apps'])
    expect(argv).toContain(`${off}=false`)
})

// Seen to fail: with the program alone ended.
test('waits for no answer that does not come, whoever holds the output of the program open', async () => {
  const began = performance.now()
  const silent = program('silent', `sleep 100 & echo $! > ${root}/pid; exec sleep 100`)
  expect(await untrustedHooks(silent, settings, env, 500)).toBe(null)
  expect(performance.now() - began).toBeLessThan(50_000)
  await until('its pid', () => readFileSync(join(root, 'pid'), 'utf8') !== '')
  process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL')
})
