/** `builds.jsonl` of an attempt: one line for each heavy command that ran in its turn. */
import { existsSync } from 'node:fs'
import { appendLine } from '../kit/append.ts'
import { readTail } from '../kit/read.ts'
import type { AttemptPaths } from './paths.ts'
import { parseWitness, type Witness } from './schema/witness.ts'

/** Nothing when the attempt has no directory: whoever claims to be in it is not. */
export function recordWitness(attempt: AttemptPaths, run: Witness): void {
  // A power cut may take the last lines; the checks are what a result stands on.
  if (existsSync(attempt.directory)) appendLine(attempt.builds, JSON.stringify(run), { durable: false })
}

/** The newest ones, oldest first; torn and foreign lines are skipped. */
export function readWitnesses(attempt: AttemptPaths): Witness[] {
  return readTail(attempt.builds, 256 * 1024)
    .toString()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : (parseWitness(line) ?? [])))
}
