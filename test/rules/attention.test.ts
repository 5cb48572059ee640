import { expect, it } from 'vitest'
import { attentionOf, isUnderWay, nextFor } from '../../lib/rules/attention.ts'
import { type State, state } from '../../lib/state/schema/status.ts'
import type { Different } from '../support/records.ts'
import { failure, task } from './records.ts'

const merged = () => 'merged' as const
const look = (different: Different) => {
  const status = task({ reason: 'because', ...different })
  return {
    attention: attentionOf(status, merged),
    underWay: isUnderWay(status, merged),
    next: nextFor(status),
  }
}

const blocked = { state: 'ready', commit: null, onto: null, note: 'the main checkout is dirty' } as const

it.each([
  ['failed', {}, 'because', 'dirigent respawn a-task --spec FILE'],
  ['failed', { failure: failure('check-failed') }, 'because', 'dirigent respawn a-task --spec FILE'],
  ['failed', { failure: failure('conflict') }, 'because', 'dirigent respawn a-task --fresh'],
  ['failed', { failure: failure('auth') }, 'because', 'dirigent respawn a-task'],
  ['failed', { failure: failure('overload') }, 'because', 'dirigent respawn a-task'],
  ['failed', { failure: failure('crash') }, 'because', 'dirigent respawn a-task'],
  ['failed', { failure: failure('model-error') }, 'because', 'dirigent respawn a-task --spec FILE'],
  ['waiting', {}, 'because', 'dirigent respawn a-task'],
  ['waiting', { question: 'Blue or red?' }, 'Blue or red?', 'dirigent respawn a-task'],
  ['review', {}, 'because', 'dirigent accept a-task'],
  ['review', {}, 'because', 'dirigent reject a-task WHY'],
  ['landing', { change: blocked }, 'the main checkout is dirty', 'dirigent land a-task'],
] as const)(
  'a task that is %s (%j) needs somebody and names the next command',
  (each, different, why, command) => {
    const seen = look({ state: each, ...different })
    expect(seen).toMatchObject({ attention: why, underWay: false })
    expect(seen.next).toContain(command)
  },
)

it('a question shows each answer as a command, its default first', () => {
  const answers = (options: readonly string[], fallback: string | null) =>
    look({ state: 'waiting', asked: { options, default: fallback, by: null } as never }).next
  const one = (answer: string) => `dirigent send a-task '${answer}'`
  expect(answers(['red', 'blue'], null)).toEqual([one('red'), one('blue')])
  expect(answers(['red', 'blue'], 'blue')).toEqual([one('blue'), one('red')])
  expect(answers(['a', 'b', 'c', 'd'], null)).toHaveLength(3)
  expect(answers([], null)).toEqual(['dirigent send a-task TEXT'])
  // Typed as they stand these would send a file, or read stdin.
  expect(answers(['--file=/etc/passwd', '-', '', "it's"], null)).toEqual([
    "dirigent send a-task -- '--file=/etc/passwd'",
    "dirigent send a-task 'it'\\''s'",
  ])
})

it('a landing that goes on by itself is waited for', () => {
  expect(look({ state: 'landing' }).next).toEqual(['dirigent wait'])
})

it('every other live task goes on by itself', () => {
  for (const each of ['queued', 'running', 'verifying', 'landing'] as const)
    expect(look({ state: each })).toMatchObject({ attention: null, underWay: true })
})

it('an ended task neither needs anybody nor goes on', () => {
  for (const each of ['merged', 'done', 'cancelled'] as const)
    expect(look({ state: each })).toMatchObject({ attention: null, underWay: false })
})

it('a queued task needs somebody when what it needs will never be merged', () => {
  const needy = task({ state: 'queued', settings: { needs: ['x'] } })
  const standing: Readonly<Record<State | 'unknown', boolean>> = {
    ...(Object.fromEntries(state.options.map((each) => [each, false])) as Record<State, boolean>),
    unknown: true,
    failed: true,
    cancelled: true,
  }
  for (const [each, needs] of Object.entries(standing))
    expect(attentionOf(needy, () => each as State) !== null, each).toBe(needs)
})
