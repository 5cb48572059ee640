/**
 * Played after all others: recovery.md against what the real verbs answered in this run, and why attempts of real
 * tasks failed. Each code and class of the page was met, and nothing was met that it does not have. In a run of
 * only some of the tests there is nothing to judge by.
 */
import { describe, expect, inject, it } from 'vitest'
import { allMet, type MetError } from '../support/met.ts'
import { errors, failures } from '../support/recovery-page.ts'

const directory = inject('met')
const met = directory === null ? [] : allMet(directory)
const answers = met.filter((one) => one.kind === 'error')
const classes = new Set(met.flatMap((one) => (one.kind === 'failure' ? one.class : [])))
const row = new Map(errors.map(([code = '', exit, , type = '']) => [code, { exit: Number(exit), type }]))

/** Each once, with one of those that answered so. */
const distinct = (wrong: readonly MetError[]): string[] => [
  ...new Set(wrong.map(({ verb, code, exit, message }) => `${verb}: ${code} (${exit}): ${message}`)),
]

describe.skipIf(directory === null)('in a run of all tests', () => {
  it.each([...row.keys()])('a verb answered with %s', (code) => {
    expect(new Set(answers.map((answer) => answer.code))).toContain(code)
  })

  it.each(failures.map(([name]) => name))('an attempt failed by %s', (name) => {
    expect(classes).toContain(name)
  })

  it('no verb answered with another code, or ended with another exit code than that of the page', () => {
    expect(distinct(answers.filter(({ code, exit }) => row.get(code)?.exit !== exit))).toEqual([])
  })

  it('each said what happened, and what to do', () => {
    expect(distinct(answers.filter(({ message, hint }) => !message || !hint))).toEqual([])
  })

  it('where an error and the page name verbs, they name one in common, or the page leaves it to the error', () => {
    const apart = answers.filter(({ code, hint, next }) => {
      const type = row.get(code)?.type ?? ''
      const [said, listed] = [verbsIn([hint, ...next].join('\n')), verbsIn(type)]
      const differ = said.length > 0 && listed.length > 0 && !said.some((verb) => listed.includes(verb))
      return differ && !type.includes('what it says')
    })
    expect(distinct(apart)).toEqual([])
  })
})

const verbsIn = (text: string): string[] =>
  [...text.matchAll(/dirigent ([a-z-]+)/g)].map(([, verb]) => verb ?? '')
