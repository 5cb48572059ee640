/** recovery.md has every code, each with its exit, and no other; and each is provoked somewhere in the tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codes } from '../../lib/kit/errors.ts'
import { failureClass } from '../../lib/state/schema/common.ts'
import { root } from '../support/sandbox.ts'

const page = readFileSync(join(root, 'skill', 'reference', 'recovery.md'), 'utf8')
const cells = (section: string): string[][] =>
  (page.split(/^## /m).find((part) => part.startsWith(section)) ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
    )

const errors = cells('Errors of a command')
const classes = cells('Why an attempt failed')

it('has each error of a command once, with its exit code', () => {
  const listed = errors.map(([code, exit]) => [code, Number(exit)])
  expect(listed.sort()).toEqual(Object.entries(codes).sort())
})

it('has each class of failure once', () => {
  expect(classes.map(([name]) => name).sort()).toEqual([...failureClass.options].sort())
})

it('says of each what it means, and of each error what to type', () => {
  expect(errors.filter((row) => row.length !== 4 || row.includes(''))).toEqual([])
  expect(classes.filter(([, means, on]) => !means || !on)).toEqual([])
})

/** Tests that run a verb or a function and look at what came: the word between quotes, or in a pattern. */
const sources = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('skill/'))
  .map((name) => readFileSync(join(root, 'test', name), 'utf8'))

it.each([...Object.keys(codes), ...failureClass.options])('%s is met in a test', (code) => {
  const met = new RegExp(`(?<![\\w-])${code}(?![\\w-])`)
  expect(sources.some((text) => met.test(text))).toBe(true)
})
