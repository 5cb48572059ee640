/**
 * Heavy commands of real workers: each takes its turn, whether a shim sees it or only the hook does.
 *
 * Seen to fail: without the shims on PATH (`npm test` beside another's); without `hookConfig` in the worker's
 * arguments, and with one letter of the hash changed (the path and the login shell run beside another's, and
 * the flag is there); with `exec "$program"` for heavy commands in the shim; without `noticeMissedHooks`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox, until } from '../support/sandbox.ts'
import { attemptFile, settled, spawnTask, trailOf } from '../support/tasks.ts'

let box: Sandbox
let tools: string
beforeAll(async () => {
  box = await makeSandbox({ config: { max_workers: 2 } })
  tools = join(box.directory, 'tools')
  mkdirSync(tools)
  // Notes who it ran beside: the probe is a lock of its own, and nobody ever waits for it.
  writeFileSync(
    join(tools, 'npm'),
    `#!/bin/sh
    [ "$1" = --version ] && { test -n "$DIRIGENT_BUILD_TURN" && echo in turn; echo 9.9.9; exit 0; }
    exec 9>> ${box.directory}/probe
    flock -n 9 && alone=alone || alone=beside
    echo "$DIRIGENT_TASK $alone $DIRIGENT_BUILD_BY $*" >> ${box.directory}/runs
    printf '%s\\n' "npm ran in $PWD" last
    sleep 0.3
    exit 3`,
    { mode: 0o755 },
  )
  box.env.PATH = `${tools}:${box.env.PATH}`
  // A login shell starts with a PATH of its own; this is how a person's programs come onto it.
  writeFileSync(join(box.directory, 'home', '.bash_profile'), `PATH=${tools}:$PATH\n`)
})
afterAll(async () => {
  await box.close()
})

const runs = () => {
  const lines = readFileSync(join(box.directory, 'runs'), 'utf8').trim().split('\n')
  rmSync(join(box.directory, 'runs'))
  return lines.map((line) => {
    const [task, alone, by, ...args] = line.split(' ')
    return { task, alone, by, args: args.join(' ') }
  })
}
const builds = (id: string) =>
  attemptFile(box, id, 1, 'builds.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
/** What the model was told of its commands, oldest first. */
const told = (id: string) => {
  const last = box.model.requests.findLast(({ prompt }) => prompt.includes(`\nTask: ${id}\n`))
  const items = (last?.body.input ?? []) as { type: string; output?: unknown }[]
  const outputs = items.filter((item) => /_call_output$/.test(item.type))
  return outputs.map(({ output }) => JSON.stringify(output))
}

/** The same commands in two tasks, begun at the same time. */
async function sideBySide(ids: readonly string[], commands: readonly string[]): Promise<void> {
  const gate = join(box.directory, `gate-${ids[0]}`)
  const models = ['gpt-5.5', 'gpt-5.6-luna']
  for (const [n, id] of ids.entries())
    await spawnTask(box, id, { change: 'none', attempts: 1, model: models[n] }, [
      { run: `mkdir -p sub; touch ${gate}-${n}; until test -e ${gate}; do sleep 0.02; done` },
      ...commands.map((run) => ({ run })),
      { say: 'done' },
    ])
  await until('both workers', () => ids.every((_, n) => existsSync(`${gate}-${n}`)), 90_000)
  writeFileSync(gate, '')
  await settled(box, ...ids)
}

describe('with two workers, one of each family of models, a heavy command', () => {
  const ids = ['one', 'two']
  const commands = () => [
    'npm test',
    `${tools}/npm test`,
    "bash -lc 'npm test'",
    "cd sub && npm test 'a  b' | tail -1",
    'npm --version',
  ]
  beforeAll(() => sideBySide(ids, commands()), 180_000)

  it('never runs beside another, however it is called', () => {
    const seen = runs()
    for (const id of ids)
      expect(seen.filter(({ task }) => task === id)).toEqual([
        { task: id, alone: 'alone', by: 'shim', args: 'test' },
        { task: id, alone: 'alone', by: 'hook', args: 'test' },
        { task: id, alone: 'alone', by: 'hook', args: 'test' },
        { task: id, alone: 'alone', by: 'shim', args: 'test a  b' },
      ])
    expect(seen.length).toBe(8)
  })

  it.each(ids)('gives %s its own output and exit code, as if nothing stood between', (id) => {
    const outputs = told(id)
    expect(outputs.length).toBe(6)
    for (const output of outputs.slice(1, 4)) expect(output).toMatch(/exit(?:ed with code |_code\\*"?:\s*)3/)
    expect(outputs[4]).toMatch(/exit(?:ed with code |_code\\*"?:\s*)0/)
    expect(outputs[4]).toContain('last')
    expect(outputs[4]).not.toContain('npm ran in')
    expect(outputs[5]).toContain('9.9.9')
    expect(outputs[5]).not.toContain('in turn')
    expect(outputs[1]).toContain(`npm ran in ${join(box.state, 'worktrees', id)}`)
  })

  it.each(ids)('of %s is witnessed, with the exit code of the program itself', (id) => {
    expect(builds(id)).toEqual([
      expect.objectContaining({ command: `${tools}/npm test`, exit_code: 3, signal: null, by: 'shim' }),
      expect.objectContaining({ command: `/bin/bash -c ${tools}/npm test`, exit_code: 3, by: 'hook' }),
      expect.objectContaining({ command: `/bin/bash -c bash -lc 'npm test'`, exit_code: 3, by: 'hook' }),
      expect.objectContaining({ command: `${tools}/npm test a b`, exit_code: 3, by: 'shim' }),
    ])
    for (const { seconds, waited_seconds } of builds(id)) {
      expect(seconds).toBeGreaterThan(0.25)
      expect(waited_seconds).toBeGreaterThanOrEqual(0)
    }
    const notes = trailOf(box, id).filter(({ type }) => type === 'note')
    expect(notes.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^4 heavy commands under the build lock: \S+npm test \(exit 3\), .*\(exit 3\)$/),
    ])
  })

  it.each(ids)('of %s met a hook that codex trusts', (id) => {
    expect(attemptFile(box, id, 1, 'hooked-pre-tool-use')).toBe('')
    expect(box.status(id).flags).toEqual([])
    expect(attemptFile(box, id, 1, 'worker.jsonl')).not.toMatch(/"type":"error"/)
  })
})

describe('a worker’s hook', () => {
  const heavyPath = () => `${tools}/npm test`
  const oneTask = async (id: string, config: Readonly<Record<string, unknown>>, codex = {}) => {
    const own = { ...box.model.codexConfig(), ...(codex as { config?: object }).config }
    box.configure({ ...config, codex: { ...codex, config: own } })
    await spawnTask(box, id, { change: 'none', attempts: 1 }, [
      { run: heavyPath() },
      { run: 'true' },
      { say: 'done' },
    ])
    const status = await settled(box, id)
    return { status, by: runs().map(({ by }) => by) }
  }
  const missed = expect.stringMatching(/^codex did not run our hook/)

  it('that codex does not trust is flagged, once', async () => {
    const state = {
      '/<session-flags>/config.toml:pre_tool_use:0:0': { trusted_hash: `sha256:${'0'.repeat(64)}` },
    }
    const { status, by } = await oneTask('distrusted', {}, { config: { hooks: { state } } })
    expect(by).toEqual([''])
    expect(status.flags).toEqual([missed])
    expect(trailOf(box, 'distrusted').filter(({ type }) => type === 'flag').length).toBe(1)
  })

  it('that a person’s own settings replace is flagged: theirs win', async () => {
    const { status, by } = await oneTask('replaced', {}, { config: { 'hooks.PreToolUse': [] } })
    expect(by).toEqual([''])
    expect(status.flags).toEqual([missed])
  })

  it('works beside a person’s own set-up, and trusts nothing of theirs', async () => {
    const theirs = join(box.directory, 'theirs')
    const toml = `[[hooks.PreToolUse]]\n[[hooks.PreToolUse.hooks]]\ntype = "command"\ncommand = "touch ${theirs}"\n`
    writeFileSync(join(box.directory, 'home', '.codex', 'config.toml'), toml)
    const { status, by } = await oneTask('beside', {}, { user_config: true })
    rmSync(join(box.directory, 'home', '.codex', 'config.toml'))
    expect(by).toEqual(['hook'])
    expect(status.flags).toEqual([])
    expect(existsSync(theirs)).toBe(false)
  })

  it('before commands is not there when nothing is heavy, and nor are the shims', async () => {
    const { status, by } = await oneTask('none-heavy', { build: { shim: {} } })
    expect(by).toEqual([''])
    expect(status.flags).toEqual([])
    expect(() => attemptFile(box, 'none-heavy', 1, 'hooked-pre-tool-use')).toThrow(/ENOENT/)
  })
})
