/**
 * The shim alone, with programs that say what they were given. Seen to fail: `$*` for `"$@"`; `-*=*` not told
 * from `-*`; without the look for `.dirigent` (two sets call each other until the time limit); `-e` left out
 * of the look at the ticket; shims for programs that are not there.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Context, openContext } from '../../lib/flows/context.ts'
import { shimSet } from '../../lib/flows/runner/shims.ts'
import { isHeavy } from '../../lib/rules/heavy.ts'
import type { ShimPaths } from '../../lib/state/paths.ts'
import { pick, randomness } from '../chaos/scenario.ts'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox
let tools: string
let context: Context
let set: ShimPaths
const programs = {
  npm: ['test', 'run* test*', 'exec vitest'],
  make: ['*', '!-w', '!help*'],
  cmake: ['--build'],
  cargo: ['b', 'build'],
  'g++-13.2': ['*'],
  'not-there': ['*'],
}

beforeAll(async () => {
  box = await makeSandbox({ config: { build: { shim: programs } } })
  tools = join(box.directory, 'tools')
  mkdirSync(tools)
  for (const name of ['npm', 'make', 'cmake', 'cargo', 'g++-13.2']) tool(name, 'printf "%s\\0" "$@"')
  const path = process.env.PATH
  process.env.PATH = `${tools}:${path}`
  try {
    context = await openContext(box.repo)
    const made = shimSet(context)
    if (!made) throw new Error('no set was made')
    set = made
  } finally {
    process.env.PATH = path
  }
})
afterAll(async () => {
  await box.close()
})

function tool(name: string, text: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(tools, name), 0o755)
}

/** A copy of the set whose verbs only say that they were called. */
function witnessing(name: string): string {
  const copy = join(box.directory, name)
  mkdirSync(copy)
  symlinkSync(join(set.directory, '.rules'), join(copy, '.rules'))
  writeFileSync(join(copy, '.dirigent'), '')
  writeFileSync(join(copy, '.node'), '#!/bin/sh\nshift\necho "TURN $*"\n', { mode: 0o755 })
  for (const program of readdirSync(set.directory).filter((entry) => !entry.startsWith('.')))
    symlinkSync(join(set.directory, program), join(copy, program))
  return copy
}

const call = (
  directory: string,
  program: string,
  args: readonly string[],
  more: { env?: NodeJS.ProcessEnv; input?: string } = {},
) =>
  execa(program, args, {
    cwd: box.directory,
    env: { ...box.env, DIRIGENT_REPO: box.repo, PATH: `${directory}:${tools}:${box.env.PATH}`, ...more.env },
    extendEnv: false,
    reject: false,
    timeout: 20_000,
    stripFinalNewline: false,
    preferLocal: false,
    ...(more.input === undefined ? { stdin: 'ignore' as const } : { input: more.input }),
  })

const awkward = [
  '',
  ' ',
  'a  b',
  'x\ny\n',
  "it's",
  '"',
  '\\',
  '$HOME',
  '`id`',
  '*',
  '--',
  '-n',
  'é',
  '\u0001',
  '%s',
]

describe('a shim', () => {
  it('decides as the rule does', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
    console.info(`calls: SEED=${seed}`)
    const random = randomness(seed)
    const words = [
      ...[
        'test',
        'run',
        'run-script',
        'tests',
        'test:a',
        'exec',
        'vitest',
        'b',
        'build',
        'help',
        'helpful',
        'x',
        '',
      ],
      ...[
        '-w',
        '--build',
        '--watch',
        '--watchAll',
        '--version',
        '--help',
        '-h',
        '-C',
        '--a=b',
        '+nightly',
        '--',
        '*',
        '!',
      ],
    ]
    const copy = witnessing('copy-rule')
    let heavy = 0
    for (let n = 0; n < 250; n++) {
      const program = pick(random, ['npm', 'make', 'cmake', 'cargo'] as const)
      const args = Array.from({ length: Math.floor(random() * 5) }, () => pick(random, words))
      const expected = isHeavy(programs[program], args)
      const { stdout } = await call(copy, program, args)
      expect(stdout.startsWith('TURN build '), JSON.stringify([program, ...args])).toBe(expected)
      if (expected) heavy += 1
    }
    expect(heavy).toBeGreaterThan(25)
    expect(heavy).toBeLessThan(225)
  }, 60_000)

  it.each([
    ['at once', 'npm', ['x', ...awkward]],
    ['in its turn', 'npm', ['test', ...awkward]],
  ])('gives the program %s exactly its arguments', async (_, program, args) => {
    const { stdout, stderr, exitCode } = await call(set.directory, program, args)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toBe(args.map((arg) => `${arg}\0`).join(''))
  })

  it.each([
    ['at once', ['x']],
    ['in its turn', ['test']],
  ])('lets input, output and the exit code through %s', async (_, args) => {
    tool('npm', 'cat; echo oops >&2; test -n "$DIRIGENT_BUILD_TURN" && echo in turn; exit 42')
    const { stdout, stderr, exitCode } = await call(set.directory, 'npm', args, { input: 'given\n' })
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: args[0] === 'test' ? 'given\nin turn\n' : 'given\n',
      stderr: 'oops\n',
      exitCode: 42,
    })
  })

  it('passes a signal on in both cases', async () => {
    tool('npm', 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.02; done')
    for (const args of [['x'], ['test']]) {
      const running = call(set.directory, 'npm', args)
      await new Promise((resolve) => running.stdout.once('data', resolve))
      running.kill('SIGTERM')
      expect(await running).toMatchObject({ exitCode: 5, stdout: 'ready\nbye\n' })
    }
  })

  it('inside a turn passes on, and does not when that turn is over', async () => {
    const copy = witnessing('copy-turn')
    tool('npm', 'echo here')
    const ticket = join(box.directory, 'ticket')
    writeFileSync(ticket, '')
    const inTurn = { env: { DIRIGENT_BUILD_TURN: ticket } }
    expect((await call(copy, 'npm', ['test'], inTurn)).stdout).toBe('here\n')
    rmSync(ticket)
    expect((await call(copy, 'npm', ['test'], inTurn)).stdout).toMatch(/^TURN build .* -- \S+\/npm test\n$/)
  })

  it('names the repository of its task, wherever it is called from', async () => {
    const copy = witnessing('copy-repo')
    const env = { DIRIGENT_REPO: '/a b/repo' }
    expect((await call(copy, 'npm', ['test'], { env })).stdout).toContain('TURN build --repo=/a b/repo -- ')
  })

  it('does not ask for a turn in an environment that was cleaned, where it may be inside one', async () => {
    const copy = witnessing('copy-cleaned')
    tool('npm', 'echo real')
    expect((await call(copy, 'npm', ['test'], { env: { DIRIGENT_REPO: '' } })).stdout).toBe('real\n')
  })

  it('looks for the program behind every set of shims, and is no program itself', async () => {
    const other = witnessing('copy-other')
    tool('npm', 'echo real')
    const ran = await call(`${set.directory}:${other}:${set.directory}`, 'npm', ['x'])
    expect([ran.exitCode, ran.stdout]).toEqual([0, 'real\n'])
    const alone = await execa(set.program('npm'), ['x'], {
      env: { PATH: `${set.directory}::${other}:/nowhere` },
      cwd: '/',
      extendEnv: false,
      reject: false,
    })
    expect([alone.exitCode, alone.stderr]).toEqual([127, 'npm: command not found'])
    tool('npm', 'printf "%s\\0" "$@"')
  })

  it('runs the program when the set is ruined', async () => {
    const copy = witnessing('copy-ruined')
    tool('npm', 'echo real')
    rmSync(join(copy, '.node'))
    expect((await call(copy, 'npm', ['test'])).stdout).toBe('real\n')
    rmSync(join(copy, '.rules'))
    expect((await call(copy, 'npm', ['test'])).stdout).toBe('real\n')
  })

  it('costs a few milliseconds', async () => {
    tool('npm', 'exit 0')
    const time = async (program: string) => {
      const begin = performance.now()
      await call(set.directory, program, ['run', 'something'])
      return performance.now() - begin
    }
    const differences: number[] = []
    for (let n = 0; n < 40; n++) {
      const shim = await time('npm')
      differences.push(shim - (await time(join(tools, 'npm'))))
    }
    differences.sort((a, b) => a - b)
    console.info(`a shim that passes on costs ${differences[20]?.toFixed(1)} ms (median of 40)`)
    // Other processes only ever add to it.
    expect(differences[4]).toBeLessThan(5)
  })
})

describe('a set of shims', () => {
  it('has the programs of this machine, and no other', () => {
    const names = readdirSync(set.directory).filter((name) => !name.startsWith('.'))
    expect(names.sort()).toEqual(['cargo', 'cmake', 'g++-13.2', 'make', 'npm'])
  })

  it('is made once for one content, and is another for another', () => {
    const before = process.env.PATH
    process.env.PATH = `${tools}:${before}`
    const made = shimSet(context)
    expect(made?.directory).toBe(set.directory)
    expect(readdirSync(context.paths.shims)).toEqual([set.directory.split('/').at(-1)])
    process.env.PATH = '/nowhere'
    const empty = shimSet(context)
    process.env.PATH = before
    expect(empty?.directory).not.toBe(set.directory)
    expect(readdirSync(empty?.directory ?? '').sort()).toEqual(['.dirigent', '.names', '.node', '.rules'])
  })

  it('is not there when nothing is heavy', () => {
    const config = { ...context.config, build: { ...context.config.build, shim: {} } }
    expect(shimSet({ ...context, config })).toBeNull()
  })
})
