/** recovery.md has every code, each with its exit, and no other. That each is met: test/last/met.test.ts. */
import { expect, it } from 'vitest'
import { codes } from '../../lib/kit/errors.ts'
import { rules } from '../../lib/rules/retry.ts'
import { type FailureClass, failureClass } from '../../lib/state/schema/common.ts'
import { errors, failures } from '../support/recovery-page.ts'

it('has each error of a command once, with its exit code', () => {
  const listed = errors.map(([code, exit]) => [code, Number(exit)])
  expect(listed.sort()).toEqual(Object.entries(codes).sort())
})

it('has each class of failure once', () => {
  expect(failures.map(([name]) => name).sort()).toEqual([...failureClass.options].sort())
})

it('says of each what it means, and of each error what to type', () => {
  expect(errors.filter((row) => row.length !== 4 || row.includes(''))).toEqual([])
  expect(failures.filter(([, means, on]) => !means || !on)).toEqual([])
})

// Seen to fail: with "again" for what a person rejected.
it('says of each class whether it spends a try, as the rules have it', () => {
  // What no repetition helps says so itself, whatever its class.
  const told = failures.filter(([, , on = '']) => on !== 'no')
  const again = told.filter(([, , on = '']) => on.startsWith('again')).map(([name]) => name)
  expect(again.sort()).toEqual(
    told
      .map(([name]) => name as FailureClass)
      .filter((name) => rules[name].counts === 'try')
      .sort(),
  )
})
