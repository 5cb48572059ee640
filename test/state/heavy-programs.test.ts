/**
 * `build.shim`: its default, its page, and what it refuses. Seen to fail: a program more in heavy-programs.ts than
 * in state.md; the check of names left out of the schema.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { config } from '../../lib/state/schema/config.ts'
import { root } from '../support/sandbox.ts'

const shim = (value: unknown) => config.safeParse({ version: 1, build: { shim: value } })

it('has the default that its page shows', () => {
  const page = readFileSync(join(root, 'skill', 'reference', 'state.md'), 'utf8')
  const shown = /```yaml\n(build:\n {2}shim:\n[\s\S]*?)```/.exec(page)?.[1] ?? ''
  const settings = config.parse({ version: 1 }).build.shim
  expect(parse(shown)).toEqual({ build: { shim: settings } })
  expect(shim(settings).success).toBe(true)
  expect(config.parse({ version: 1, build: { slots: 2 } }).build.shim).toEqual(settings)
})

it('can be empty, or name other programs', () => {
  expect(shim({}).data?.build.shim).toEqual({})
  expect(shim({ 'g++-13.2': ['*'], just: ['test*', '!-l', 'ci all*', 'a *'] }).success).toBe(true)
})

const names = ['a/b', '/bin/make', '..', '.', '', '-x', 'a b', 'a\n', 'a:b', '*', '.rules']
const entries = ['', ' ', 'a  b', ' a', 'a ', 'a\nb', '$x', 'a;b', '[ab]', 'a?', '*a', '!a b', '!', "it's"]
const wrong: unknown[] = [
  ...names.map((name) => ({ [name]: ['*'] })),
  ...entries.map((entry) => ({ make: [entry] })),
  { make: '*' },
  ['make'],
]
it.each(wrong.map((value) => ({ value })))('refuses $value', ({ value }) => {
  expect(shim(value).success).toBe(false)
})
