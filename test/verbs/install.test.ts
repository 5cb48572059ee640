/** Where the verbs run from: a build, edited sources, an installed package. */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyProject } from '../support/copy.ts'
import { root } from '../support/sandbox.ts'

let directory: string
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-install-')))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it('counts an edit of lib at once, and a newer build after it', async () => {
  const copy = join(directory, 'copy')
  copyProject(copy)
  const help = () => execa(join(copy, 'bin', 'spawn'), ['--help'], { reject: false })
  expect((await help()).stdout).toMatch(/^dirigent spawn: creates a task/)
  const table = join(copy, 'lib', 'view', 'verbs.ts')
  writeFileSync(table, readFileSync(table, 'utf8').replace('creates a task', 'conjures up a task'))
  expect((await help()).stdout).toMatch(/^dirigent spawn: conjures up a task/)
  // Of a build that was killed, of one that is at it, and of one of another container.
  const [, where] = /(\d+)/.exec(readlinkSync('/proc/self/ns/pid')) ?? []
  const names = [
    `dist-${where}-${spawnSync('true').pid}-gone`,
    `dist-${where}-${process.pid}-here`,
    'dist-1-1-away',
  ]
  for (const name of names) mkdirSync(join(copy, name))
  await execa('node', ['bin/bundle.js'], { cwd: copy })
  expect(readdirSync(copy).filter((name) => name.startsWith('dist-'))).toEqual(names.slice(1).sort())
  expect((await help()).stdout).toMatch(/^dirigent spawn: conjures up a task/)
  // The build is used: nothing is left of tsx.
  rmSync(join(copy, 'node_modules', 'tsx'))
  expect((await help()).stdout).toMatch(/^dirigent spawn: conjures up a task/)
})

it('counts an edit of a verb, and names the place of a mistake in it', async () => {
  const copy = join(directory, 'edited')
  copyProject(copy)
  appendFileSync(join(copy, 'bin', 'verbs', 'status.ts'), '\nthrow new Error("a mistake of mine")\n')
  const ran = await execa(join(copy, 'bin', 'status'), [], { reject: false })
  expect(ran.exitCode).toBe(1)
  expect(ran.stderr).toMatch(/status\.ts:\d+[\s\S]*a mistake of mine/)
})

// Seen to fail: without the build that is made, and without the look at what is missing.
it('comes as a plugin without a build, and makes it; without dependencies it says what to type', async () => {
  const copy = join(directory, 'plugin')
  copyProject(copy)
  rmSync(join(copy, 'dist'), { recursive: true })
  // From anywhere: in a repository of the person's.
  const ask = (...words: string[]) => execa(join(copy, 'bin', 'dirigent'), words, { cwd: '/', reject: false })
  expect((await ask('help', 'spawn')).stdout).toMatch(/^dirigent spawn: creates a task/)
  expect(existsSync(join(copy, 'dist', 'spawn.cjs'))).toBe(true)
  // Seen to fail: with who may read it as the directory beside, which was nobody else.
  expect(statSync(join(copy, 'dist')).mode & 0o777).toBe(0o777 & ~process.umask())
  for (const name of ['dist', 'node_modules']) rmSync(join(copy, name), { recursive: true })
  const bare = await ask('status')
  expect([bare.exitCode, bare.stdout]).toEqual([1, ''])
  expect(bare.stderr).toBe(
    `error: program-failed: Dirigent in ${copy} lacks its dependencies\nFetch them: cd '${copy}' && npm ci`,
  )
  expect(JSON.parse((await ask('status', '--json')).stdout)).toMatchObject({
    ok: false,
    error: { code: 'program-failed' },
  })
})

it('runs from a packed and installed tarball', { timeout: 240_000 }, async (test) => {
  const cache = await execa('npm', ['config', 'get', 'cache'], { cwd: directory })
  const packed = await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], {
    cwd: root,
  })
  const tarball = join(directory, packed.stdout.trim().split('\n').at(-1) ?? '')
  const prefix = join(directory, 'prefix')
  mkdirSync(prefix)
  const install = await execa(
    'npm',
    [
      'install',
      '--global',
      '--prefix',
      prefix,
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--cache',
      cache.stdout.trim(),
      tarball,
    ],
    { cwd: directory, reject: false, timeout: 180_000 },
  )
  if (
    install.exitCode !== 0 &&
    /ENOTCACHED|EAI_AGAIN|ENOTFOUND|ETIMEDOUT|ECONNREFUSED|network/.test(install.stderr)
  )
    return test.skip(`the registry is out of reach: ${install.stderr.split('\n')[0]}`)
  expect([install.exitCode, install.stderr.replace(/^npm warn.*\n?/gm, '')]).toEqual([0, ''])
  const dirigent = join(prefix, 'bin', 'dirigent')
  expect((await execa(dirigent, ['--version'], { cwd: '/' })).stdout).toMatch(/^dirigent \d/)
  const repo = join(directory, 'repo')
  await execa('git', ['init', '--quiet', repo])
  const made = await execa(dirigent, ['init', '--json'], { cwd: repo, reject: false })
  expect([made.exitCode, JSON.parse(made.stdout).ok]).toEqual([0, true])
  expect((await execa(dirigent, ['status'], { cwd: repo })).stdout).toMatch(/^no tasks yet/)
  const installed = join(prefix, 'lib', 'node_modules', 'dirigent')
  for (const name of [
    'bin/worker/dirigent',
    'skill/prompts/worker.md',
    'skill/reference/state.md',
    'lib/flows/runner/run.ts',
  ])
    expect([name, existsSync(join(installed, name))]).toEqual([name, true])
  expect(readdirSync(installed)).not.toContain('test')
})
