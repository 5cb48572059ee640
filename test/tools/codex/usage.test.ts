import { expect, test } from 'vitest'
import { addUsage, attemptUsage, noUsage, readUsage, type Usage } from '../../../lib/tools/workers/usage.ts'

const usage = (input: number, output: number): Usage => ({
  input,
  cached_input: input / 10,
  output,
  reasoning: output / 10,
  total: input + output,
})

test('a new thread costs its total, a resumed one the difference', () => {
  expect(attemptUsage(usage(2000, 200), null)).toEqual(usage(2000, 200))
  expect(attemptUsage(usage(3200, 300), usage(2000, 200))).toEqual(usage(1200, 100))
  expect(attemptUsage(null, usage(2000, 200))).toEqual(noUsage)
})

test('a total that went down is that of another thread', () => {
  expect(attemptUsage(usage(100, 10), usage(2000, 200))).toEqual(usage(100, 10))
})

test('usage adds up', () => {
  expect(addUsage(usage(100, 10), usage(200, 20))).toEqual(usage(300, 30))
})

test('figures that are no counts are nothing', () => {
  expect(readUsage({ input_tokens: -5, output_tokens: 1e300, cached_input_tokens: '7' })).toEqual(noUsage)
  expect(readUsage({})).toBeNull()
  expect(readUsage(null)).toBeNull()
})
