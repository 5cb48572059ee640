import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../../lib/kit/proc.ts'
import { findCodex } from '../../../lib/tools/codex/find.ts'
import { nativeOf } from '../../../lib/tools/codex/launcher.ts'

const repository = join(import.meta.dirname, '../../..')
let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'find-codex-')))
})
afterEach(() => rmSync(root, { recursive: true }))

const file = (path: string, text = '#!/bin/sh\n', mode = 0o755): string => {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
  chmodSync(full, mode)
  return full
}
const triple = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-musl`
const platform = `codex-linux-${process.arch}`

/** An npm installation below `at`; gives its launcher and its native program. */
const install = (at: string, { native = true } = {}) => {
  file(`${at}/node_modules/@openai/codex/package.json`, '{"name":"@openai/codex"}', 0o644)
  const launcher = file(`${at}/node_modules/@openai/codex/bin/codex.js`, '#!/usr/bin/env node\n')
  const program = `${at}/node_modules/@openai/${platform}/vendor/${triple}/bin/codex`
  return { launcher, native: native ? file(program) : join(root, program) }
}
const refusal = expect.objectContaining({ code: 'worker-not-found', hint: expect.stringContaining('codex') })

test('the installed package leads to a native program that runs', async () => {
  const found = findCodex(null, {}, repository)
  expect(found.source).toBe('package')
  const { stdout } = await run(found.binary, ['--version'], { cwd: '/', env: { CODEX_HOME: root } })
  expect(stdout.toString()).toMatch(/^codex(-cli)? \d+\.\d+/)
})

test('a configured program wins over PATH, and PATH over the package', () => {
  const own = file('own/my-codex')
  const onPath = file('bin/codex')
  const { native } = install('app')
  const env = { PATH: `${root}/empty:${root}/bin` }
  expect(findCodex(own, env, `${root}/app`)).toEqual({ binary: own, source: 'config' })
  expect(findCodex(null, env, `${root}/app`)).toEqual({ binary: onPath, source: 'path' })
  expect(findCodex(null, {}, `${root}/app/deep/inside`)).toEqual({ binary: native, source: 'package' })
})

test('~/ in a configured path is the home folder', () => {
  const own = file('home/codex')
  expect(findCodex('~/codex', { HOME: `${root}/home` }, root).binary).toBe(own)
})

test.each([
  ['missing', () => '/no/such/codex'],
  ['a folder', () => root],
  ['not executable', () => file('plain', 'x', 0o644)],
  ['relative', () => 'node_modules/.bin/codex'],
  ['empty', () => ''],
  ['an installation without its platform package', () => install('half', { native: false }).launcher],
])('a configured path that is %s is refused, whatever else there is', (_, configured) => {
  file('bin/codex')
  expect(() => findCodex(configured(), { PATH: `${root}/bin` }, repository)).toThrow(refusal)
})

test('nothing anywhere is a failure that says how to install', () => {
  expect(() => findCodex(null, { PATH: `${root}:` }, root)).toThrow(
    expect.objectContaining({
      code: 'worker-not-found',
      hint: expect.stringMatching(/npm install.*codex\.path/),
    }),
  )
})

test('the npm launcher is replaced by its native program, through links', () => {
  const { launcher, native } = install('app')
  mkdirSync(join(root, 'bin'))
  symlinkSync(launcher, join(root, 'bin/codex'))
  expect(findCodex(null, { PATH: `${root}/bin` }, root).binary).toBe(native)
  expect(findCodex(launcher, {}, root)).toEqual({ binary: native, source: 'config' })
})

test('the shell script that pnpm puts on PATH leads to the native program too', () => {
  const { native } = install('app')
  file(
    'app/bin/codex',
    '#!/bin/sh\nbasedir=$(dirname "$0")\nexec node  "$basedir/../node_modules/@openai/codex/bin/codex.js" "$@"\n',
  )
  expect(findCodex(null, { PATH: `${root}/app/bin` }, root).binary).toBe(native)
})

test('a launcher on PATH without its platform package is passed over', () => {
  const { launcher } = install('half', { native: false })
  mkdirSync(join(root, 'bin'))
  symlinkSync(launcher, join(root, 'bin/codex'))
  const { native } = install('app')
  expect(findCodex(null, { PATH: `${root}/bin` }, `${root}/app`)).toEqual({
    binary: native,
    source: 'package',
  })
})

test('somebody’s own wrapper is left alone, also one in JavaScript', () => {
  const wrapper = file('tools/codex.js', '#!/usr/bin/env node\n')
  expect(findCodex(wrapper, {}, root).binary).toBe(wrapper)
})

test('the current folder is never searched, however PATH names it', () => {
  file('here/codex')
  const before = process.cwd()
  process.chdir(join(root, 'here'))
  try {
    expect(() => findCodex(null, { PATH: ':.:bin' }, root)).toThrow(refusal)
  } finally {
    process.chdir(before)
  }
})

test.each([
  ['linux', 'x64', 'codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex'],
  ['linux', 'arm64', 'codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex'],
  ['android', 'arm64', 'codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex'],
  ['darwin', 'x64', 'codex-darwin-x64/vendor/x86_64-apple-darwin/bin/codex'],
  ['darwin', 'arm64', 'codex-darwin-arm64/vendor/aarch64-apple-darwin/bin/codex'],
  ['win32', 'x64', 'codex-win32-x64/vendor/x86_64-pc-windows-msvc/bin/codex.exe'],
  ['win32', 'arm64', 'codex-win32-arm64/vendor/aarch64-pc-windows-msvc/bin/codex.exe'],
] as const)('%s on %s has its own program', (system, arch, path) => {
  const { launcher } = install('app', { native: false })
  const program = file(`app/node_modules/@openai/${path}`)
  expect(nativeOf(launcher, system, arch)).toBe(program)
  expect(nativeOf(launcher, system, 'ia32')).toBeNull()
})
