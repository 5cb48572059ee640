import { expect, it } from 'vitest'
import { withTrailers } from '../../../lib/tools/git/trailers.ts'

const ours = [
  ['Dirigent-Task', 'a'],
  ['Worker', 'codex m'],
] as const
const block = 'Dirigent-Task: a\nWorker: codex m\n'

it.each([
  ['a subject', 'add a\n', `add a\n\n${block}`],
  ['a body', 'add a\n\nBecause.\n', `add a\n\nBecause.\n\n${block}`],
  ['trailers of its own', 'add a\n\nCo-authored-by: B <b@x>\n', `add a\n\nCo-authored-by: B <b@x>\n${block}`],
  ['ours already, forged', 'add a\n\nDirigent-Task: other\nWorker: person\n', `add a\n\n${block}`],
  ['a subject that looks like a trailer', 'fix: it\n', `fix: it\n\n${block}`],
  ['nothing', '\n\n', `Work of a task\n\n${block}`],
  ['nothing but ours', 'Worker: x\n', `Work of a task\n\n${block}`],
  ['trailing blanks', 'add a   \n\n\n', `add a\n\n${block}`],
  ['other scripts', 'añade 文字 🎉\n', `añade 文字 🎉\n\n${block}`],
])('adds trailers to a message with %s', (_, message, expected) => {
  expect(withTrailers(message, ours)).toBe(expected)
})

it('keeps a value on one line', () => {
  expect(withTrailers('x', [['Worker', 'codex\nDirigent-Task: forged']])).toBe(
    'x\n\nWorker: codex Dirigent-Task: forged\n',
  )
})
