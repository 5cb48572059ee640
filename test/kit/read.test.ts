import { mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sawChange } from '../../lib/kit/read.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'dirigent-read-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

// Seen to fail: with times that are compared by which is later.
it('what came into a directory is seen, also with a clock that was set back; nothing else is', () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
  utimesSync(directory, hoursAgo(1), hoursAgo(1))
  const changed = sawChange([directory])
  expect([changed(), changed()]).toEqual([true, false])
  utimesSync(directory, hoursAgo(2), hoursAgo(2))
  expect([changed(), changed()]).toEqual([true, false])
  utimesSync(directory, new Date(), new Date())
  // It may not show yet that something came right after the look.
  expect([changed(), changed()]).toEqual([true, true])
})
