/**
 * Reads beside somebody who saves: what one look saw may be old by the time it is judged. Time goes on here when the
 * reader waits, or as a test says, and not otherwise: a machine that is busy would tell another story.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { beingSaved, patience } from '../../lib/kit/patience.ts'

let directory: string
let file: string
let clock: number
let waits: number
beforeEach(() => {
  clock = 1_800_000_000_000
  waits = 0
  vi.spyOn(Date, 'now').mockImplementation(() => clock)
  vi.spyOn(Atomics, 'wait').mockImplementation((...[, , , milliseconds = 0]) => {
    waits += 1
    stall(milliseconds)
    return 'timed-out'
  })
  directory = mkdtempSync(join(tmpdir(), 'dirigent-patience-'))
  file = join(directory, 'saved')
  save('half')
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(directory, { recursive: true })
})

/** The process is not given the processor for so long. */
function stall(milliseconds: number) {
  clock += milliseconds
}
/** @param ago seconds */
function save(text: string, ago = 0) {
  writeFileSync(file, text)
  utimesSync(file, clock / 1000 - ago, clock / 1000 - ago)
}

it('looks again at what changed after the look began, however long ago that is by now', () => {
  const again = patience(file)
  expect(again()).toBe(true)
  save('whole')
  stall(150)
  expect(again()).toBe(true)
  stall(150)
  expect(again()).toBe(false)
})

it('is at once done with what has been broken for long', () => {
  save('half', 5)
  expect(patience(file)()).toBe(false)
  expect(waits).toBe(0)
})

it('looks again for a tenth of a second at what changed just now', () => {
  const again = patience(file)
  while (again());
  expect(waits).toBe(10)
})

it('says nothing about a file from the future', () => {
  save('half', -3600)
  expect(patience(file)()).toBe(false)
  expect(beingSaved(file)()).toBe(false)
})

it('believes what made sense only when nothing changed since the look began', () => {
  save('half', 5)
  const half = beingSaved(file)
  save('whole')
  stall(150)
  expect(half()).toBe(true)
  stall(20)
  expect(half()).toBe(false)
})
