/** Reads a task's status.json, which is there as long as the task's directory is. */
import { existsSync } from 'node:fs'
import { patience } from '../kit/patience.ts'
import type { TaskPaths } from './paths.ts'
import { readWithText } from './record.ts'
import { type Status, status as schema } from './schema/status.ts'

/** With the bytes it was read from. Undefined when it is missing, and not because somebody is just saving it. */
export function readStatus(paths: TaskPaths): { readonly value: Status; readonly bytes: Buffer } | undefined {
  const again = patience(paths.status)
  while (true) {
    const seen = readWithText(paths.status, schema)
    // Without its directory it was archived, not saved.
    if (seen || !existsSync(paths.directory) || !again()) return seen
  }
}
