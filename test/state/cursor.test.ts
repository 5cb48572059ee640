import { expect, it } from 'vitest'
import { cursorText, printOf, readCursor, stoodAt } from '../../lib/state/cursor.ts'

const place = { offset: 123_456, mark: 'zz', ended: 7 }
const prints = (n: number) => Array.from({ length: n }, (_, i) => printOf('task', String(i), 'why'))

it('says the same when it is read again, and stays short whatever it has to know', () => {
  for (const offset of [0, 99, 64 * 1024 ** 3]) {
    for (const n of [0, 1, 2, 3, 4, 5, 6, 40]) {
      const text = cursorText({ ...place, offset }, prints(n))
      expect(text.length).toBeLessThanOrEqual(30)
      expect(readCursor(text)).toMatchObject({ offset, mark: 'zz', ended: 7 })
    }
  }
})

it('knows what stood, does not know it when that was too much, and does not take another thing for it', () => {
  const stood = prints(3)
  const cursor = readCursor(cursorText(place, stood))
  expect(stood.map((print) => stoodAt(cursor, print))).toEqual([true, true, true])
  expect(stoodAt(cursor, printOf('task', '1', 'another why'))).toBe(false)
  expect(stoodAt(readCursor(cursorText(place, [])), stood[0] ?? '')).toBe(false)
  const tooMany = prints(12)
  expect(stoodAt(readCursor(cursorText(place, tooMany)), tooMany[0] ?? '')).toBeNull()
})

it.each([
  '',
  'soon',
  '12',
  '1-2',
  '1k2f-a30c-',
  '1k2f-a30c-4abc',
  '1k2f-a30c-5abcde',
  '1K2F-A30C',
  `1k2f-a30c-4${'abcd'.repeat(9)}`,
])('refuses %j, and says what to type', (text) => {
  expect(() => readCursor(text)).toThrow(/is not a cursor/)
})
