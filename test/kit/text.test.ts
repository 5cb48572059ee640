import { expect, it } from 'vitest'
import {
  bounded,
  clean,
  count,
  cut,
  dateTime,
  duration,
  oneLine,
  plural,
  table,
  tail,
  thriftyLine,
} from '../../lib/kit/text.ts'

it.each([
  ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
  ['cursor movement and clearing', 'a\u001b[2J\u001b[Hb', 'ab'],
  ['a window title', 'a\u001b]0;evil\u0007b', 'ab'],
  ['a link, ended the other way', '\u001b]8;;http://evil\u001b\\text\u001b]8;;\u001b\\', 'text'],
  ['a title that never ends', 'a\u001b]0;evil', 'a'],
  ['device control and application commands', 'a\u001bPq#0\u001b\\b\u001b_x\u001b\\c', 'abc'],
  ['single-character escapes', 'a\u001bMb\u001b', 'ab'],
  ['one-byte control sequences', 'a\u009b31mb\u0085', 'a31mb'],
  ['backspaces, bells, NUL, DEL', 'a\u0008\u0007\u0000\u007fb', 'ab'],
  ['a carriage return that would overwrite', 'good\rbad', 'good\nbad'],
  ['bidirectional overrides and isolates', 'a\u202eb\u2066c\u200f', 'abc'],
  ['invisible characters', 'a\u200bb\ufeffc\u2060', 'abc'],
  ['halves of characters', '\ud83d x \ude00', '\ufffd x \ufffd'],
  ['an escape that removing another one would make', '\u001b\u001b[31m[32mx', '[32mx'],
])('takes out %s', (_, text, expected) => {
  expect(clean(text)).toBe(expected)
  expect(clean(clean(text))).toBe(expected)
})

it('leaves tabs, newlines, other scripts, joined emoji and right-to-left text', () => {
  const text = 'a\tb\nζ 文字 👩‍🚀 שלום'
  expect(clean(text)).toBe(text)
})

it('is linear in long hostile text', () => {
  const began = performance.now()
  clean('\u001b]'.repeat(200_000))
  clean(`\u001b[${'0;'.repeat(500_000)}`)
  expect(performance.now() - began).toBeLessThan(2000)
})

it('makes one line, cut by characters and not by halves of them', () => {
  expect(oneLine(' a\n\tb  c ', 10)).toBe('a b c')
  expect(cut('👩👩👩', 2)).toBe('👩…')
  expect(cut('abc', 3)).toBe('abc')
})

it('keeps the end of a text from the start of a line', () => {
  expect(tail('one\ntwo\nthree', 7)).toBe('three')
  expect(tail('one', 7)).toBe('one')
  expect(Buffer.byteLength(tail('x'.repeat(100), 7))).toBe(7)
})

it('says times and counts briefly', () => {
  expect([0, 89_000, 5_400_000, 7_500_000, 4 * 86_400_000].map(duration)).toEqual([
    '0 s',
    '89 s',
    '1 h 30 min',
    '2 h 5 min',
    '4 d',
  ])
  expect([999, 12_345, 99_600, 999_600].map(count)).toEqual(['999', '12.3k', '100k', '1.0M'])
  expect([plural(1, 'file'), plural(2, 'file')]).toEqual(['1 file', '2 files'])
  expect([plural(1, 'process'), plural(2, 'process')]).toEqual(['1 process', '2 processes'])
  expect(dateTime(new Date(2026, 10, 21, 14, 5).toISOString())).toBe('2026-11-21 14:05')
  expect(dateTime('9999-99-99T99:99')).toBe('9999-99-99T99:99')
})

it('aligns columns and bounds lines', () => {
  expect(
    table([
      ['a', 'b'],
      ['ccc', ''],
    ]),
  ).toEqual(['a    b', 'ccc'])
  const many = Array.from({ length: 100 }, (_, n) => `${n}`)
  expect(bounded(many)).toHaveLength(40)
  expect(bounded(many).at(-1)).toBe('… +61 more')
  expect(bounded(['x'.repeat(9000), 'y'])).toEqual(['… +2 more'])
})

it('cuts a line sooner where characters cost more', () => {
  expect(thriftyLine('plain text', 10)).toBe('plain text')
  expect(thriftyLine('plain text.', 10)).toBe('plain tex…')
  expect(thriftyLine('日'.repeat(40), 30)).toBe(`${'日'.repeat(9)}…`)
})
