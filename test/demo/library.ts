/** The small repository of the demo: a library of stubs, with tests that fail until somebody writes it. */

const stub = (comment: string, signature: string) => `/** ${comment} */
export function ${signature} {
  throw new Error('not written yet')
}
`

export const library: Readonly<Record<string, string>> = {
  'README.md': `# chapters

Headings for books: \`toRoman(4)\` is IV, \`slug('Déjà vu!')\` is deja-vu, \`heading(4, 'Déjà vu!')\` joins them.
Tests: \`npm test\`.
`,
  'package.json': `${JSON.stringify(
    { name: 'chapters', private: true, type: 'module', scripts: { test: 'node --test test/*.test.js' } },
    null,
    2,
  )}\n`,
  'src/roman.js': stub('1994 → "MCMXCIV". For 1 to 3999; a RangeError for anything else.', 'toRoman(n)'),
  'src/slug.js': stub('"Déjà vu!" → "deja-vu": for file names and links.', 'slug(text)'),
  'src/heading.js': stub(
    '(4, "Déjà vu!") → { text: "IV. Déjà vu!", link: "#iv-deja-vu" }.',
    'heading(number, title)',
  ),
  'test/roman.test.js': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toRoman } from '../src/roman.js'

test('adds up', () => assert.equal(toRoman(2026), 'MMXXVI'))
test('subtracts: four is IV', () => assert.equal(toRoman(4), 'IV'))
test('does both', () => assert.equal(toRoman(1994), 'MCMXCIV'))
test('refuses what the Romans could not write', () => assert.throws(() => toRoman(0), RangeError))
`,
  'test/slug.test.js': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slug } from '../src/slug.js'

test('lower case, dashes for spaces', () => assert.equal(slug('The Long Way'), 'the-long-way'))
test('no accents, no punctuation', () => assert.equal(slug('Déjà vu!'), 'deja-vu'))
test('no dash at either end', () => assert.equal(slug('  (again)  '), 'again'))
`,
  'test/heading.test.js': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heading } from '../src/heading.js'

test('joins the numeral and the title', () => {
  assert.deepEqual(heading(4, 'Déjà vu!'), { text: 'IV. Déjà vu!', link: '#iv-deja-vu' })
})
`,
}
