import { defineConfig } from 'vitest/config'

// Tests drive real processes (git, codex); a slow shared machine needs generous limits, not retries.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
