import { expect, it } from 'vitest'
import { Failure } from '../../lib/kit/errors.ts'
import { checkTransition, isBlockedLanding, isEnded, isOwned } from '../../lib/rules/lifecycle.ts'
import { type State, state } from '../../lib/state/schema/status.ts'
import { task } from './records.ts'

const states = state.options

/** As the design draws it; everything else is refused. */
const allowed = `
queued → running waiting failed cancelled
running → verifying queued waiting failed cancelled
waiting → queued cancelled
verifying → review landing done queued waiting failed cancelled
review → landing done queued waiting cancelled
landing → merged review queued waiting failed cancelled
failed → queued waiting cancelled
merged →
done →
cancelled →`

const table = new Map(
  allowed
    .trim()
    .split('\n')
    .map((line) => {
      const [from = '', to = ''] = line.split(' →')
      return [from, to.trim().split(' ')]
    }),
)

it.each(states)('allows from %s what the design draws, and refuses the rest', (from) => {
  const possible = states.filter((to) => {
    try {
      checkTransition(task({ state: from }), to)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(Failure)
      expect(error).toMatchObject({ code: 'illegal-transition', next: ['dirigent status a-task'] })
      return false
    }
  })
  expect(possible.sort()).toEqual((table.get(from) ?? []).filter((to) => to !== '').sort())
})

it('has exactly three ends', () => {
  expect(states.filter((each) => isEnded(task({ state: each }))).sort()).toEqual([
    'cancelled',
    'done',
    'merged',
  ])
})

it('gives a runner what runs, is proved or lands, but not a landing that waits for a person', () => {
  const owned: State[] = states.filter((each) => isOwned(task({ state: each })))
  expect(owned.sort()).toEqual(['landing', 'running', 'verifying'])
  const change = {
    state: 'ready',
    commit: 'b'.repeat(40),
    onto: null,
    note: 'the main checkout is dirty',
  } as const
  expect(isBlockedLanding(task({ state: 'landing', change }))).toBe(true)
  expect(isOwned(task({ state: 'landing', change }))).toBe(false)
  expect(isOwned(task({ state: 'landing', change: { ...change, state: 'merging', note: null } }))).toBe(true)
})
