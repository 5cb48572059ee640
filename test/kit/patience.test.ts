/** Reads beside somebody who saves: what one look saw may be old by the time it is judged. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { beingSaved, patience } from '../../lib/kit/patience.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-patience-'))
  file = join(directory, 'saved')
  writeFileSync(file, 'half')
})
afterEach(() => rmSync(directory, { recursive: true }))

/** The process is not given the processor for so long. */
const stall = (milliseconds: number) =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
const changedAgo = (seconds: number) => utimesSync(file, new Date(), new Date(Date.now() - seconds * 1000))

it('looks again at what changed after the look began, however long ago that is by now', () => {
  const again = patience(file)
  expect(again()).toBe(true)
  writeFileSync(file, 'whole')
  stall(150)
  expect(again()).toBe(true)
  stall(150)
  expect(again()).toBe(false)
})

it('is at once done with what has been broken for long', () => {
  changedAgo(5)
  const again = patience(file)
  const start = performance.now()
  expect(again()).toBe(false)
  expect(performance.now() - start).toBeLessThan(50)
})

it('says nothing about a file from the future', () => {
  changedAgo(-3600)
  expect(patience(file)()).toBe(false)
  expect(beingSaved(file)()).toBe(false)
})

it('believes what made sense only when nothing changed since the look began', () => {
  changedAgo(5)
  const half = beingSaved(file)
  writeFileSync(file, 'whole')
  stall(150)
  expect(half()).toBe(true)
  stall(20)
  expect(half()).toBe(false)
})
