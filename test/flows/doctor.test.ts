/**
 * doctor: every code of the list is reached by doing the damage for real; looking changes nothing; what can be
 * mended is mended, and then nothing is left.
 *
 * That every code has a case is enforced by the type of `damages`.
 *
 * Seen to fail: one look instead of two in `examine` (a moment is taken for damage); a mending of git-lock-stale that
 * removes nothing; `ofAttempts` without its look at the broken tasks.
 */
import { execa, type ResultPromise } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { doctor } from '../../lib/flows/doctor.ts'
import { markerName } from '../../lib/rules/environment.ts'
import { type FindingCode, findingCodes } from '../../lib/rules/findings.ts'
import { listing } from '../support/bad-input.ts'
import { type Damage, damageable, damages } from '../support/damage.ts'
import type { Sandbox } from '../support/sandbox.ts'

let box: Sandbox
let cases: Readonly<Record<FindingCode, Damage>>
let own: NodeJS.ProcessEnv
const started: ResultPromise[] = []

/** Done between the two looks of doctor. */
let inBetween: (() => unknown) | null = null
vi.mock('node:timers/promises', async (original) => {
  const actual = await original<typeof import('node:timers/promises')>()
  const setTimeout: typeof actual.setTimeout = (...args) => {
    inBetween?.()
    return actual.setTimeout(...args)
  }
  return { ...actual, setTimeout }
})

beforeAll(async () => {
  box = await damageable()
  cases = damages(box, started)
  own = process.env
  process.env = box.env
})

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

afterAll(async () => {
  process.env = own
  await box.close()
})

/** But for what codex keeps in its home while another worker runs. */
function everything(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(listing(box.directory)).filter(([path]) => !path.startsWith('home/.codex/')),
  )
}

/** What is left, one line each. */
async function left(fix = false): Promise<string[]> {
  const { findings } = await doctor(box.repo, { fix })
  return findings.filter(({ fixed }) => !fixed).map(({ code, what }) => `${code}: ${what}`)
}

it('finds nothing where nothing is wrong', async () => {
  expect(await left()).toEqual([])
})

it('takes nothing for damage that is gone a moment later, and what is left for damage', async () => {
  const undo = await cases['stray-file'].cause()
  expect(await left()).toEqual([expect.stringContaining('stray-file')])
  inBetween = () => undo?.()
  expect(await left()).toEqual([])
  inBetween = null
})

it('ends nobody whose task cannot be read: it is not known whether they should live', async () => {
  const undo = await cases['task-unreadable'].cause()
  const env = { ...box.env, [markerName]: `${box.state}/tasks/torn#1` }
  const child = execa('sleep', ['600'], { env, extendEnv: false, reject: false })
  expect(await left(true)).toEqual([expect.stringContaining('task-unreadable')])
  expect(child.exitCode).toBe(null)
  expect(child.kill('SIGKILL')).toBe(true)
  expect((await child).signal).toBe('SIGKILL')
  await undo?.()
})

describe.each(Object.keys(findingCodes) as FindingCode[])('%s', (code) => {
  it('is found, by a look that changes nothing, and is gone when it was put right', async ({ skip }) => {
    const { cause, fixable, impossible } = cases[code]
    const reason = impossible?.() ?? null
    if (reason !== null) {
      console.log(`${code}: skipped, ${reason}`)
      skip(reason)
    }
    const undo = await cause()
    try {
      const before = everything()
      const { findings } = await doctor(box.repo, { fix: false })
      expect(findings.map((finding) => finding.code)).toContain(code)
      for (const finding of findings) {
        expect(finding.what).toMatch(/\w{2}.* .*\w/)
        expect(finding.fix).toMatch(/\w/)
        expect(finding.fixed).toBe(false)
      }
      const found = findings.filter((finding) => finding.code === code)
      expect(found.map(({ mend }) => mend !== undefined)).toContain(fixable === true)
      expect(everything()).toEqual(before)
      if (fixable) {
        const fixed = await doctor(box.repo, { fix: true })
        expect(fixed.findings.filter((finding) => !finding.fixed)).toEqual([])
        expect(fixed.findings.map((finding) => finding.code)).toContain(code)
      }
    } finally {
      await undo?.()
    }
  })
})

it('finds nothing once all of that was mended or put right', async () => {
  expect(await left()).toEqual([])
})
