import { defineConfig } from 'vitest/config'

// Tests drive real processes (git, codex); a slow shared machine needs generous limits, not retries.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Tests of one file that run at once: each drives processes of its own.
    maxConcurrency: 3,
    globalSetup: ['test/support/build.ts'],
  },
})
