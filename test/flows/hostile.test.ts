/**
 * Workers that mean harm, through the real verbs. What they can plant for git to run is tried one by one in
 * test/tools/git/hostile.test.ts; here it is all of it at once, and everything else that a worker can write.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findMarked } from '../../lib/kit/sweep.ts'
import { markerName } from '../../lib/rules/environment.ts'
import { makeSandbox, type Ran, root, runVerb, type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let shared: Sandbox
let box: Sandbox
let marker: string
let victim: string
const config = { attempts: 1, stop_grace_seconds: 1 }
beforeAll(async () => {
  shared = await makeSandbox({ config })
})
beforeEach(() => use(shared))
afterAll(async () => {
  await shared.close()
})

function use(sandbox: Sandbox): void {
  box = sandbox
  marker = join(box.directory, 'pwned')
  victim = join(box.directory, 'victim')
  writeFileSync(victim, 'precious\n')
}

const say = { say: 'done' }
/** A script beside the repository; the worker runs it. (Codex refuses to run some words, such as rm -rf, itself.) */
function script(name: string, text: string): string {
  const path = join(box.directory, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}
const commit = (file: string) => `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`
const worktreeOf = (id: string) => join(box.state, 'worktrees', id)

it('runs nothing that a worker has planted for git, whatever the verbs do', async (test) => {
  const own = await makeSandbox({ config, model: shared.model })
  test.onTestFinished(() => own.close())
  use(own)
  // Workers and their codex run git too, in an environment that says so: they may fall for it.
  const betray = `test -n "$DIRIGENT_TASK" || touch ${marker}`
  const evil = script('evil', `${betray}; exit 1`)
  const plant = script(
    'plant',
    `set -e
    ${commit('planted.txt')}
    echo left > left.txt
    common=$(git rev-parse --git-common-dir); own=$(git rev-parse --git-dir)
    cat >> "$common/config" <<END
[core]
	fsmonitor = ${evil}
	hooksPath = $common/hooks
	sshCommand = ${evil}
	pager = ${evil}
	editor = ${evil}
[filter "x"]
	clean = ${evil}
	smudge = ${evil}
[diff]
	external = ${evil}
[diff "x"]
	textconv = ${evil}
[merge "x"]
	driver = ${evil}
[gpg]
	program = ${evil}
[commit]
	gpgSign = true
[credential]
	helper = !${evil}
[extensions]
	worktreeConfig = true
END
    echo '*.txt filter=x diff=x merge=x' > "$common/info/attributes"
    for hook in post-checkout reference-transaction post-index-change pre-commit post-commit post-merge; do
      cp ${evil} "$common/hooks/$hook"
    done
    printf '[core]\\n\\tfsmonitor = ${evil}\\n' > "$own/config.worktree"
    cp -r "$common" ${box.directory}/stolen
    echo ${box.directory}/stolen > "$own/commondir"
    echo "gitdir: ${box.directory}/stolen" > .git
    echo planted`,
  )
  await spawnTask(
    box,
    'planter',
    { verify: ['false'] },
    { attempts: [[{ run: plant }, say], [{ hang: true }]] },
  )
  expect(await settled(box, 'planter')).toMatchObject({ state: 'failed', failure: { class: 'check-failed' } })
  expect(readFileSync(join(worktreeOf('planter'), 'left.txt'), 'utf8')).toBe('left\n')
  await box.verb('status')
  await box.verb('status', 'planter')
  expect((await box.verb('diff', 'planter')).stdout).toContain('+left')
  await box.verb('log', 'planter')
  await spawnTask(box, 'other', {}, [
    {
      run: `GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.fsmonitor GIT_CONFIG_VALUE_0=false; echo x > other.txt`,
    },
    say,
  ])
  expect(await settled(box, 'other')).toMatchObject({ state: 'merged' })
  const again = await box.json('respawn', 'planter', '--fresh')
  expect(again.json).toMatchObject({ ok: true })
  await until('the second attempt', () => box.status('planter').worker?.thread)
  expect((await box.json('stop', 'planter', '--cancel')).json).toMatchObject({ ok: true })
  expect(box.status('planter').state).toBe('cancelled')
  expect(existsSync(marker)).toBe(false)
  expect(
    await box.git(
      '-c',
      'core.fsmonitor=false',
      '-c',
      'core.hooksPath=',
      'show',
      'refs/dirigent/kept/planter/1:left.txt',
    ),
  ).toBe('left')

  // The same plants, and plain git.
  await box.git('status')
  expect(existsSync(marker)).toBe(true)
})

it('goes on with the configuration it knows when a worker changes it, says so, and asks for init', async () => {
  const config = readFileSync(join(box.repo, '.git', 'config'), 'utf8')
  await spawnTask(box, 'configurer', { verify: ['false'] }, [
    {
      run: `git config remote.origin.url ${box.directory}/evil.git; git config user.name Mallory; ${commit('c.txt')}`,
    },
    say,
  ])
  const status = await settled(box, 'configurer')
  expect(status.flags.join()).toMatch(/git configuration changed while a worker ran.*dirigent init/)
  expect(readFileSync(join(box.state, 'git', 'config'), 'utf8')).not.toMatch(/evil|Mallory/)
  await spawnTask(box, 'after', {}, [{ run: commit('after.txt') }, say])
  expect(await settled(box, 'after')).toMatchObject({ state: 'merged' })
  expect(await box.git('log', '-1', '--format=%cn')).toBe('Tester')
  await box.verb('init')
  expect(readFileSync(join(box.state, 'git', 'config'), 'utf8')).toContain('Mallory')
  writeFileSync(join(box.repo, '.git', 'config'), config)
  await box.verb('init')
  await box.verb('stop', 'configurer', '--cancel')
})

// Seen to fail: with `alive` alone in areWorkersAbout (lib/flows/settle.ts).
it('does not take the configuration of a worker that ended itself and its runner', async () => {
  const config = readFileSync(join(box.repo, '.git', 'config'), 'utf8')
  const changed = 'git config user.name Mallory; touch ../../changed; while :; do sleep 0.1; done'
  await spawnTask(box, 'ender', { attempts: 2, verify: ['false'] }, [{ run: changed }])
  await until('the change', () => existsSync(join(box.state, 'changed')))
  kill(...runnersOf(box, 'ender'), ...workersOf(box, 'ender'))
  await spawnTask(box, 'beside', { needs: ['ender'] }, [say])
  expect(readFileSync(join(box.state, 'git', 'config'), 'utf8')).not.toContain('Mallory')
  await box.verb('status')
  await until('the second attempt', () => box.status('ender').attempt === 2)
  expect(box.status('ender').flags.join()).toMatch(/git configuration changed while a worker ran/)
  for (const id of ['beside', 'ender']) expect((await box.verb('stop', id, '--cancel')).exitCode).toBe(0)
  expect(readFileSync(join(box.state, 'git', 'config'), 'utf8')).not.toContain('Mallory')
  writeFileSync(join(box.repo, '.git', 'config'), config)
})

// Seen to fail: without `broken` in areWorkersAbout (lib/flows/settle.ts).
it('does not take the configuration of a worker that has ruined its own status', async () => {
  const config = readFileSync(join(box.repo, '.git', 'config'), 'utf8')
  const ruin =
    'git config user.name Trudy; echo { > "$DIRIGENT_TASK_DIR/status.json"; touch ../../ruined; sleep 1000'
  await spawnTask(box, 'blinder', {}, [{ run: ruin }])
  await until('the ruin', () => existsSync(join(box.state, 'ruined')))
  await spawnTask(box, 'behind', { needs: ['after'] }, [say])
  expect(readFileSync(join(box.state, 'git', 'config'), 'utf8')).not.toContain('Trudy')
  kill(...runnersOf(box, 'blinder'), ...findMarked(markerName, `${box.state}/tasks/blinder#1`))
  renameSync(join(box.state, 'tasks', 'blinder'), join(box.directory, 'blinder'))
  writeFileSync(join(box.repo, '.git', 'config'), config)
  await box.verb('stop', 'behind', '--cancel')
})

it('makes a worktree anew that was replaced by a link to the main checkout, which it does not touch', async () => {
  const head = await box.git('rev-parse', 'HEAD')
  const swap = script(
    'swap',
    `w=$(pwd); ${commit('swapped.txt')}; echo x > lost.txt; cd /; rm -rf "$w"; ln -s ${box.repo} "$w"`,
  )
  await spawnTask(
    box,
    'swapper',
    { attempts: 3, verify: ['test ! -e lost.txt'] },
    {
      attempts: [
        [{ run: swap }, say],
        [{ run: commit('real.txt') }, say],
      ],
    },
  )
  const status = await settled(box, 'swapper')
  expect(status).toMatchObject({ state: 'merged', attempt: 2 })
  expect(await box.git('log', '--format=%s', `${head}..`)).toBe('add real.txt\nadd swapped.txt')
  expect(lstatSync(join(box.repo, '.git')).isDirectory()).toBe(true)
  expect(await box.git('status', '--porcelain')).toBe('')
  expect(existsSync(worktreeOf('swapper'))).toBe(false)
})

it('diffs and cancels a task whose worktree is a link to the main checkout', async () => {
  const swap = script(
    'swap',
    `w=$(pwd); ${commit('swapped.txt')}; cd /; rm -rf "$w"; ln -s ${box.repo} "$w"; exec sleep 1000`,
  )
  await spawnTask(box, 'swapped', {}, [{ run: swap }])
  await until('the swap', () => lstatSync(worktreeOf('swapped')).isSymbolicLink())
  const diff = await box.json('diff', 'swapped')
  expect(diff.json).toMatchObject({ ok: false, error: { code: 'nothing-logged' } })
  expect((await box.json('stop', 'swapped', '--cancel')).json).toMatchObject({ ok: true })
  expect(lstatSync(worktreeOf('swapped'), { throwIfNoEntry: false })).toBeUndefined()
  expect(await box.git('show', 'refs/dirigent/kept/swapped/1:swapped.txt')).toBe('swapped.txt')
  expect(await box.git('status', '--porcelain')).toBe('')
})

it('writes and reads nothing through what a worker put in its task directory', async () => {
  const outside = join(box.directory, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.md'), 'a secret message\n')
  const ruin = script(
    'ruin',
    `set -e
    cd "$DIRIGENT_TASK_DIR"
    ln -s ${victim} report.md
    rm -rf inbox outbox
    ln -s ${outside} inbox
    mkfifo outbox
    mkfifo checkpoint.md
    mv log/events.jsonl log/events.real && ln -s ${victim} log/events.jsonl
    mkdir log/attempt-002
    ln -s ${victim} log/attempt-002/worker.jsonl
    ln -s ${outside} log/attempt-001/checks
    ln -s ${victim} result.json
    ln -s ${victim} log/attempt-001/exit.json
    echo ruined`,
  )
  const first = [{ run: ruin }, { run: commit('ruin.txt') }, { say: 'overwritten' }]
  const second = [{ run: 'echo fixed > fixed.txt; git add -A; git commit -qm fixed' }, { say: 'the report' }]
  await spawnTask(
    box,
    'ruiner',
    { attempts: 2, verify: ['test -f fixed.txt'] },
    { attempts: [first, second] },
  )
  const status = await settled(box, 'ruiner')
  expect(status).toMatchObject({ state: 'merged', attempt: 2 })
  expect(readFileSync(victim, 'utf8')).toBe('precious\n')
  expect(readdirSync(outside)).toEqual(['secret.md'])
  const directory = box.task('ruiner')
  expect(readFileSync(join(directory, 'report.md'), 'utf8')).toBe('the report\n')
  expect(readFileSync(join(directory, 'log', 'attempt-002', 'prompt.md'), 'utf8')).not.toContain('secret')
  expect(statSync(join(directory, 'log', 'attempt-002', 'worker.jsonl')).size).toBeGreaterThan(100)
  for (const name of ['inbox', 'outbox', 'log/attempt-001/checks'])
    expect(lstatSync(join(directory, name)).isDirectory()).toBe(true)
  expect(trailOf(box, 'ruiner').at(-1)).toBeDefined()
  for (const args of [['ruiner'], ['ruiner', '--json']])
    expect((await box.verb('status', ...args)).exitCode).toBe(0)
})

it('shows a running task whose worker has ruined its mailboxes', async () => {
  const ruin = script(
    'ruin-mailboxes',
    'cd "$DIRIGENT_TASK_DIR" && rm -rf inbox outbox && mkfifo inbox && ln -s / outbox && echo x > report.md && exec sleep 1000',
  )
  await spawnTask(box, 'boxless', {}, [{ run: ruin }])
  await until('the ruin', () => existsSync(join(box.task('boxless'), 'report.md')))
  expect((await box.verb('status', 'boxless')).exitCode).toBe(0)
  expect((await box.json('status')).json.data.tasks.map((task: { id: string }) => task.id)).toContain(
    'boxless',
  )
  await box.verb('stop', 'boxless', '--cancel')
})

it.each([
  [
    'huge',
    `head -c 5000000 /dev/zero | tr '\\0' x > "$DIRIGENT_TASK_DIR/checkpoint.md"; echo the end >> "$DIRIGENT_TASK_DIR/checkpoint.md"`,
  ],
  ['a directory', 'mkdir "$DIRIGENT_TASK_DIR/checkpoint.md" "$DIRIGENT_TASK_DIR/report.md"'],
  ['binary', 'head -c 5000 /dev/urandom > "$DIRIGENT_TASK_DIR/checkpoint.md"'],
])('goes on with a task whose checkpoint is %s', async (kind, run) => {
  const id = `checkpoint-${kind.replace(/\W/g, '-')}`
  const attempts = [
    [{ run }, say],
    [{ run: commit(`${id}.txt`) }, say],
  ]
  await spawnTask(box, id, { attempts: 2 }, { attempts })
  expect(await settled(box, id)).toMatchObject({ state: 'merged', attempt: 2 })
  const prompt = join(box.task(id), 'log', 'attempt-002', 'prompt.md')
  expect(statSync(prompt).size).toBeLessThan(40_000)
})

it('commits leftovers over the locks and the damaged index that a killed git left', async () => {
  const leave = `${commit('one.txt')}; echo two > two.txt; d=$(git rev-parse --git-dir); touch $d/index.lock $d/HEAD.lock; echo garbage > $d/index`
  await spawnTask(box, 'locked', {}, [{ run: leave }, say])
  expect(await settled(box, 'locked')).toMatchObject({ state: 'merged' })
  expect(box.read('two.txt')).toBe('two\n')
})

it('does not let a task whose commits were destroyed keep anybody from the others', async () => {
  const destroy = script(
    'destroy',
    `${commit('lost.txt')}; id=$(git rev-parse HEAD); cd "$(git rev-parse --git-common-dir)/objects"
    rm -f "$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)"; touch ${box.directory}/destroyed; exec sleep 1000`,
  )
  await spawnTask(box, 'destroyed', {}, [{ run: destroy }])
  await until('the destruction', () => existsSync(join(box.directory, 'destroyed')))
  await box.json('stop', 'destroyed', '--cancel')
  expect(box.status('destroyed').state).toBe('cancelled')
  for (let n = 0; n < 2; n++) expect((await box.json('status')).json).toMatchObject({ ok: true })
  await spawnTask(box, 'unharmed', {}, [{ run: commit('unharmed.txt') }, say])
  expect(await settled(box, 'unharmed')).toMatchObject({ state: 'merged' })
})

it('leaves a repository inside the worktree out of the change, says so, and keeps it', async () => {
  const nest = `${commit('nest.txt')}; git init -q inner; echo x > inner/x; git clone -q . clone; git add clone 2>/dev/null; git commit -qm clone`
  await spawnTask(box, 'nester', {}, [{ run: nest }, say])
  const status = await settled(box, 'nester')
  expect(status).toMatchObject({ state: 'merged' })
  expect(status.flags.join()).toContain('inner/')
  const aside =
    readdirSync(join(box.state, 'worktrees')).find((name) => name.startsWith('nester.found-')) ?? ''
  expect(readFileSync(join(box.state, 'worktrees', aside, 'inner', 'x'), 'utf8')).toBe('x\n')
  expect(existsSync(join(box.state, 'worktrees', aside, 'clone', 'nest.txt'))).toBe(true)
})

describe('what a worker writes, printed,', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/
  const odd = '\u001b]0;title\u0007\u001b[31mred\u001b[2J \u202eevil\u2066 \u009b31m \u0008 \r over'

  it('is safe for a terminal in every verb, as text and as JSON', async () => {
    const names = [
      '-rf',
      'new\nline',
      'tab\there',
      'quo"te\'s',
      'esc\u001b[31m',
      'bidi\u202e.txt',
      '$(touch x)',
    ]
    const made = script(
      'odd',
      `printf '%b' ${names.map((name) => `'./${[...Buffer.from(name)].map((byte) => `\\0${byte.toString(8)}`).join('')}'`).join(" '\\0012' ")} > /dev/null
      printf '\\033[31mred\\033]0;x\\007\\302\\233 \\342\\200\\256\\n'; printf x > "$(printf 'latin-\\351')"`,
    )
    const write = `${JSON.stringify(process.execPath)} -e 'for (const n of JSON.parse(process.argv[1])) require("fs").writeFileSync("./" + n, "\\u001b[31m" + n)' '${JSON.stringify(names).replaceAll("'", '\\u0027')}'`
    const check = `${made}; ls -la; false`
    await spawnTask(
      box,
      'odd',
      { title: `Odd ${odd}`, verify: [check] },
      [{ run: write }, { say: odd }],
      `Do it ${odd}`,
    )
    const status = await settled(box, 'odd')
    expect(status).toMatchObject({ state: 'failed', failure: { class: 'check-failed' } })
    const shown: Ran[] = []
    for (const args of [
      ['status'],
      ['status', '--all'],
      ['status', 'odd'],
      ['log', 'odd'],
      ['log', 'odd', '--raw'],
      ['log', 'odd', '--follow'],
      ['diff', 'odd'],
      ['diff', 'odd', '--stat'],
      ['wait', 'odd'],
      ['wait', '--until', 'settled'],
    ] as const) {
      const [verb, ...rest] = args
      shown.push(await box.verb(verb, ...rest), await box.verb(verb, ...rest, '--json'))
    }
    for (const { stdout, stderr } of shown) expect(`${stdout}${stderr}`).not.toMatch(unsafe)
    expect(shown.filter(({ stdout }) => stdout === '')).toEqual([])
    const result = JSON.parse(
      readFileSync(join(box.task('odd'), 'log', 'events.jsonl'), 'utf8').split('\n')[0] ?? '',
    )
    expect(result.task).toBe('odd')
    expect(await box.git('ls-tree', '-rz', '--name-only', 'dirigent/odd')).toContain('new\nline\0')
    expect((await box.json('stop', 'odd', '--cancel')).exitCode).toBe(0)
  })
})

it('obeys no GIT_ variable of whoever calls a verb', async () => {
  const elsewhere = join(box.directory, 'elsewhere')
  mkdirSync(elsewhere)
  await box.git('init', '-q', elsewhere)
  const env = {
    ...box.env,
    GIT_DIR: join(elsewhere, '.git'),
    GIT_WORK_TREE: elsewhere,
    GIT_INDEX_FILE: join(elsewhere, 'index'),
    GIT_COMMON_DIR: join(elsewhere, '.git'),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.fsmonitor',
    GIT_CONFIG_VALUE_0: `touch ${marker}; false`,
    GIT_EXTERNAL_DIFF: `touch ${marker}; false`,
  }
  const spec = box.spec({ title: 'variables' }, [{ run: commit('v.txt') }, say])
  const spawned = await runVerb('spawn', ['variables', '--spec', spec, '--json'], box.repo, env)
  expect(spawned.json).toMatchObject({ ok: true, data: { created: true } })
  await runVerb('wait', ['variables', '--until', 'settled', '--timeout', '60s'], box.repo, env)
  expect(box.status('variables').state).toBe('merged')
  expect(box.read('v.txt')).toBe('v.txt\n')
  expect(existsSync(marker)).toBe(false)
})

// Seen to fail: the stream opened by name (`StreamFile` in lib/flows/runner/stream.ts): it is waited for without end,
// or an attempt without it ends in a bug.
it('does not wait for a FIFO in the place of a lost worker’s stream, nor miss one that is gone', () => {
  const fifo = join(box.directory, 'stream')
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0)
  const url = new URL('../../lib/flows/runner/stream.ts', import.meta.url).href
  const source = `const { replayStream } = await import('${url}')
    for (const path of ['${fifo}', '${fifo}-gone']) console.log(replayStream(path, 0).outcome)`
  const args = ['--import', 'tsx', '--input-type=module', '-e', source]
  const ran = spawnSync(process.execPath, args, { cwd: root, timeout: 20_000, encoding: 'utf8' })
  expect([ran.signal, ran.stdout]).toEqual([null, 'null\nnull\n'])
})
