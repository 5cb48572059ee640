/**
 * What a checkpoint has to have, and the automatic one.
 *
 * Seen to fail: `sectionsOf` with `##` only; `positionText` whose own sections are served last.
 */
import { expect, it } from 'vitest'
import { checkpointProblem, type Position, positionText, sectionsOf } from '../../lib/rules/checkpoint.ts'

const whole = '# Where I am\n\n## Done\n- a\n\n### Next:\nb\n# NOW\nc\n## Notes ##\n'

it('has four sections, in any order and of any level; only the notes may be empty', () => {
  expect(sectionsOf(whole)).toEqual({ done: '- a\n\n', next: 'b\n', now: 'c\n', notes: '\n' })
  expect(checkpointProblem(whole)).toBe(null)
  expect(checkpointProblem('Done: all of it')).toBe('it has no section ## Done, ## Now, ## Next, ## Notes')
  expect(checkpointProblem(whole.replace('# NOW\nc', '# NOW\n'))).toBe('its section ## Now says nothing')
  expect(checkpointProblem(whole.replace('## Notes ##', ''))).toBe('it has no section ## Notes')
})

const position: Position = {
  attempt: 3,
  ended: 'killed: by SIGKILL',
  commits: ['abc the newest', 'def the oldest'],
  changes: ' a.txt | 3 +++\n 1 file changed',
  words: 'I go on with b.',
  commands: [
    { what: 'npm test', exit: 1 },
    { what: 'sleep 60', exit: null },
  ],
  own: null,
  ownPath: null,
}

it('an automatic one says what the attempt left, in the same sections', () => {
  const text = positionText(position, 8000)
  expect(checkpointProblem(text)).toBe(null)
  const { done, now } = sectionsOf(text)
  expect(done).toContain('- abc the newest\n- def the oldest')
  for (const part of [
    'killed: by SIGKILL',
    'a.txt | 3 +++',
    '- npm test (exit 1)\n- sleep 60 (had not ended)',
    'I go on with b.',
  ])
    expect(now).toContain(part)
})

it('it carries on what a worker wrote itself, whole as long as it can, and never comes to more', () => {
  const own = `## Done\n${'- a thing that is done\n'.repeat(240)}- the last thing\n## Now\nc\n## Next\nwire it up\n## Notes\nport 5433\n`
  const long = {
    ...position,
    own,
    ownPath: '/log/checkpoint-1.md',
    words: 'word '.repeat(3000),
    changes: ' a | 1\n'.repeat(900),
  }
  const text = positionText(long, 8000)
  expect(sectionsOf(text).done).toContain('- the last thing')
  expect(sectionsOf(text).next).toContain('wire it up')
  expect(sectionsOf(text).notes).toContain('port 5433')
  expect(text).toContain('the whole of it: /log/checkpoint-1.md')
  for (const own of ['x'.repeat(60_000), `## Done\n${'```\n'.repeat(3000)}`, whole.repeat(900)]) {
    const bounded = positionText({ ...long, own }, 8000)
    expect(Buffer.byteLength(bounded)).toBeLessThanOrEqual(8000)
    expect(checkpointProblem(bounded)).toBe(null)
  }
  expect(sectionsOf(positionText({ ...position, own: 'free words' }, 8000)).notes).toContain('free words')
})
