import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type WorkerCall, workerArgv } from '../../../lib/tools/codex/argv.ts'

const plain: WorkerCall = {
  model: null,
  effort: null,
  worktree: '/repo/wt',
  path: '/shim:/usr/bin',
  settings: { path: null, user_config: false, mcp_servers: [], config: {}, flags: [] },
}
const argv = (call: Partial<WorkerCall> = {}, settings: Partial<WorkerCall['settings']> = {}) =>
  workerArgv({ ...plain, ...call, settings: { ...plain.settings, ...settings } })
const values = (words: string[]) => words.filter((_, index) => words[index - 1] === '-c')

test('by default a worker gets nothing of the person’s own set-up', () => {
  expect(argv()).toEqual([
    ...['exec', '--json', '--dangerously-bypass-approvals-and-sandbox'],
    ...['--ignore-user-config', '--ignore-rules'],
    ...['-c', 'allow_login_shell=false'],
    ...['-c', 'shell_environment_policy.set.PATH="/shim:/usr/bin"'],
    ...['-c', 'check_for_update_on_startup=false'],
    ...['-c', 'features.unbounded_connection_retries=false', '-c', 'features.shell_snapshot=false'],
    ...['-c', 'features.plugins=false', '-c', 'features.apps=false', '-c', 'features.goals=false'],
    ...['-c', 'features.multi_agent=false', '-c', 'features.skill_search=false'],
    ...['-c', 'features.tool_suggest=false', '-c', 'analytics.enabled=false'],
    ...['-c', 'feedback.enabled=false', '-c', 'web_search="disabled"'],
    ...['-C', '/repo/wt', '-'],
  ])
})

test('model and effort are given only when they are chosen', () => {
  const words = argv({ model: 'gpt-5.5', effort: 'high' })
  expect(words.slice(words.indexOf('-m')).slice(0, 2)).toEqual(['-m', 'gpt-5.5'])
  expect(values(words)).toContain('model_reasoning_effort="high"')
  expect(argv().join(' ')).not.toMatch(/ -m |effort/)
})

test('a person’s configuration wins and leaves what it does not name', () => {
  const config = { features: { goals: true }, web_search: 'live', 'shell_environment_policy.set.CI': '1' }
  const given = values(argv({ effort: 'low' }, { config: { ...config, model_reasoning_effort: 'max' } }))
  expect(given).toEqual(
    expect.arrayContaining([
      'features.goals=true',
      'features.apps=false',
      'web_search="live"',
      'shell_environment_policy.set.PATH="/shim:/usr/bin"',
      'shell_environment_policy.set.CI="1"',
      'model_reasoning_effort="max"',
    ]),
  )
  expect(new Set(given.map((value) => value.split('=')[0])).size).toBe(given.length)
})

// The program itself says whether the hashes are right: test/flows/heavy.test.ts and mail-hooks.test.ts.
test('hooks are given with the hashes that make them trusted, and a person’s own settings win over them', () => {
  const hooks = { 'pre-tool-use': "/h '/a b'", stop: '/s' }
  const given = values(argv({ hooks }))
  expect(given).toContain(
    `hooks.PreToolUse=[{matcher="^Bash$",hooks=[{type="command",command="/h '/a b'",timeout=60}]}]`,
  )
  expect(given).toContain('hooks.Stop=[{hooks=[{type="command",command="/s",timeout=60}]}]')
  const trust = (words: string[]) => words.find((word) => word.startsWith('hooks.state='))
  expect(trust(given)).toMatch(
    /^hooks\.state=\{"\/<session-flags>\/config\.toml:pre_tool_use:0:0"=\{trusted_hash="sha256:[0-9a-f]{64}"\},"\/<session-flags>\/config\.toml:stop:0:0"=\{trusted_hash="sha256:[0-9a-f]{64}"\}\}$/,
  )
  expect(trust(values(argv({ hooks: { ...hooks, stop: '/t' } })))).not.toBe(trust(given))
  expect(values(argv({ hooks }, { user_config: true }))).toContain(trust(given))
  const theirs = values(argv({ hooks }, { config: { 'hooks.PreToolUse': [] } }))
  expect(theirs).toEqual(expect.arrayContaining(['hooks.PreToolUse=[]', trust(given)]))
  for (const none of [{}, undefined]) expect(argv(none && { hooks: none }).join()).not.toMatch(/hooks/)
})

test('a person’s flags stand before the folder, so that none of them can swallow the prompt', () => {
  expect(argv({}, { flags: ['--image', 'a.png'] }).slice(-5)).toEqual([
    '--image',
    'a.png',
    '-C',
    '/repo/wt',
    '-',
  ])
})

test('a thread is resumed in the worktree by its id, and by nothing else', () => {
  const id = '01a1f72c-1a8b-7fd0-b04b-f7d2da7bd86c'
  expect(argv({ resume: id }).slice(-5)).toEqual(['-C', '/repo/wt', 'resume', id, '-'])
  for (const resume of ['--last', 'my thread', `${id} x`]) {
    expect(() => argv({ resume })).toThrow(expect.objectContaining({ code: 'corrupt-file' }))
  }
})

test('with user_config only the essentials are set, and servers that are not named are off', () => {
  const home = mkdtempSync(join(tmpdir(), 'codex-argv-'))
  try {
    writeFileSync(
      join(home, 'config.toml'),
      '[mcp_servers.one]\n[mcp_servers."two.dot"]\n[mcp_servers.three]\n',
    )
    const words = argv({ home }, { user_config: true, mcp_servers: ['one', 'not-there'] })
    expect(words).not.toContain('--ignore-user-config')
    expect(words).not.toContain('--ignore-rules')
    expect(values(words)).toEqual([
      'allow_login_shell=false',
      'shell_environment_policy.set.PATH="/shim:/usr/bin"',
      'check_for_update_on_startup=false',
      'features.unbounded_connection_retries=false',
      'features.shell_snapshot=false',
      'mcp_servers={"two.dot"={enabled=false},three={enabled=false}}',
    ])
    for (const mcp_servers of [['*'], ['one', 'two.dot', 'three']]) {
      expect(argv({ home }, { user_config: true, mcp_servers }).join()).not.toMatch(/mcp_servers/)
    }
    // A copy that is asked on the side has none. Seen to fail: without the look at `aside`.
    const aside = argv(
      { home, aside: '01a1f72c-1a8b-7fd0-b04b-f7d2da7bd86c' },
      { user_config: true, mcp_servers: ['*'] },
    )
    expect(values(aside).at(-1)).toMatch(/one=.*two\.dot.*three=/)
    expect(argv({ home: join(home, 'none') }, { user_config: true }).join()).not.toMatch(/mcp_servers/)
  } finally {
    rmSync(home, { recursive: true })
  }
})
