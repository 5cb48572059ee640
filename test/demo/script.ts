/**
 * What the scripted model does as the worker of each task. It knows the task by the facts in the prompt, so
 * the specs hold nothing but the work. The pauses are there to be watched.
 */
import { type Ask, patch, run, type Step, say, wait } from '../scripted-model/scenario.ts'

const stub = "-  throw new Error('not written yet')"
const used = { usage: { input: 2400, cached: 1800, output: 320 } }
const commit = (message: string) => run(`git add -A && git commit -qm '${message}'`)

function change(file: string, lines: readonly string[]): Step {
  return patch(['*** Begin Patch', `*** Update File: ${file}`, '@@', ...lines, '*** End Patch'].join('\n'))
}

/** Believes itself done, and is not: 4 comes out as IIII. The check finds out. */
const hasty: readonly Step[] = [
  run('cat src/roman.js test/roman.test.js', used),
  wait(600),
  change('src/roman.js', [
    stub,
    "+  if (!(Number.isInteger(n) && n > 0 && n < 4000)) throw new RangeError('only 1 to 3999')",
    '+  const digits = { M: 1000, D: 500, C: 100, L: 50, X: 10, V: 5, I: 1 }',
    "+  let text = ''",
    '+  for (const [digit, value] of Object.entries(digits)) {',
    '+    for (; n >= value; n -= value) text += digit',
    '+  }',
    '+  return text',
  ]),
  commit('Write the Roman numerals'),
  say('toRoman is written, and all tests pass.', used),
]

/** Is told what the check printed, runs it itself, and mends it. */
const mended: readonly Step[] = [
  run('dirigent build -- node --test test/roman.test.js', used),
  wait(500),
  change('src/roman.js', [
    '-  const digits = { M: 1000, D: 500, C: 100, L: 50, X: 10, V: 5, I: 1 }',
    '+  const digits = { M: 1000, CM: 900, D: 500, CD: 400, C: 100, XC: 90, L: 50, XL: 40, X: 10, IX: 9, V: 5, IV: 4, I: 1 }',
  ]),
  commit('Roman numerals subtract: four is IV'),
  say('The subtractive pairs were missing. They are in the table of digits now; the test passes.', used),
]

const slugs: readonly Step[] = [
  run('cat src/slug.js test/slug.test.js', used),
  wait(900),
  change('src/slug.js', [
    stub,
    '+  return text',
    "+    .normalize('NFKD')",
    "+    .replace(/\\p{M}/gu, '')",
    '+    .toLowerCase()',
    "+    .replace(/[^a-z0-9]+/g, '-')",
    "+    .replace(/^-|-$/g, '')",
  ]),
  run('dirigent build -- node --test test/slug.test.js'),
  commit('Write the slugs'),
  say('slug is written: accents are taken apart and dropped, everything else becomes one dash.', used),
]

const headings: readonly Step[] = [
  run('cat src/*.js test/heading.test.js', used),
  wait(500),
  patch(
    [
      '*** Begin Patch',
      '*** Update File: src/heading.js',
      '@@',
      '+import { toRoman } from "./roman.js"',
      '+import { slug } from "./slug.js"',
      '+',
      ' /** (4, "Déjà vu!") → { text: "IV. Déjà vu!", link: "#iv-deja-vu" }. */',
      ' export function heading(number, title) {',
      stub,
      "+  const text = toRoman(number) + '. ' + title",
      "+  return { text, link: '#' + slug(text) }",
      ' }',
      '*** End Patch',
    ].join('\n'),
  ),
  commit('Write the headings'),
  say('heading joins toRoman and slug; all tests pass.', used),
]

const gaps: readonly Step[] = [
  run('head -50 src/*.js test/*.test.js', used),
  wait(1500),
  say(
    [
      '- slug of a text without Latin letters or digits (a Japanese title): empty, or something else?',
      '- slug of ligatures and ß: taken apart, dropped, or a dash?',
      '- heading with an empty title: "IV. " and "#iv", or an error?',
      '- two titles that differ in punctuation only: their links are the same.',
    ].join('\n'),
    used,
  ),
]

export function play({ prompt, attempt }: Ask): readonly Step[] {
  switch (/^Task: (\S+)$/m.exec(prompt)?.[1]) {
    case 'roman-numerals':
      return attempt === 1 ? hasty : mended
    case 'slugs':
      return slugs
    case 'headings':
      return headings
    case 'test-gaps':
      return gaps
    default:
      return [say('This task is not in the script of the demo.')]
  }
}
