/** Before any test: where it is written down what is met (met.ts), and whether every test is to be played. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCLI, type TestProject } from 'vitest/node'
import { metVariable } from './met.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The directory of what was met; null in a run of only some of the tests, which proves nothing of all. */
    met: string | null
  }
}

export default function setup(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'dirigent-met-'))
  process.env[metVariable] = directory
  const { filter, options } = parseCLI(['vitest', ...process.argv.slice(2)])
  const part = ['testNamePattern', 'shard', 'changed', 'related', 'project', 'exclude', 'dir'] as const
  const whole =
    filter.length === 0 && part.every((option) => options[option as keyof typeof options] === undefined)
  project.provide('met', whole ? directory : null)
  return () => rmSync(directory, { recursive: true, force: true })
}
