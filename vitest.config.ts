import { defineConfig } from 'vitest/config'
import { LongFirst } from './test/support/sequence.ts'

// Tests drive real processes (git, codex); a slow shared machine needs generous limits, not retries
// (.ci/run plays once more what failed, and names it).
const patient = { testTimeout: 60_000, hookTimeout: 60_000 }
/** What is held against the clock has the machine to itself. */
const alone = 'test/chaos/many.test.ts'
/** What was met in all of them: played when they have ended. */
const last = 'test/last/**/*.test.ts'

export default defineConfig({
  test: {
    // One more than the cores of the smallest machine: tests wait, too, for timers and locks.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    // Once for all projects: they do not inherit it.
    globalSetup: ['test/support/build.ts', 'test/support/met-setup.ts'],
    projects: [
      {
        test: {
          ...patient,
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [alone, last],
          // Tests of one file that run at once: each drives processes of its own.
          maxConcurrency: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...patient, name: 'alone', include: [alone], sequence: { groupOrder: 1 } } },
      { test: { ...patient, name: 'last', include: [last], sequence: { groupOrder: 2 } } },
    ],
  },
})
