/**
 * `cool-down.json`, which all tasks share. It is read without a lock and changed under one, so of several who meet a
 * limit at once none loses what another wrote.
 */
import { Failure } from '../kit/errors.ts'
import { outOfTheWay } from '../kit/files.ts'
import { withLock } from '../kit/lock.ts'
import { lookAt } from '../kit/read.ts'
import type { StatePaths } from './paths.ts'
import { readRecord, writeRecord } from './record.ts'
import { type CoolDown, coolDown } from './schema/supervision.ts'

type Providers = CoolDown['providers']

/** Throws `corrupt-file`. */
export function readCoolDown(paths: StatePaths): Providers {
  return readRecord(paths.coolDown, coolDown)?.providers ?? {}
}

/** @param change gives the providers as they shall be; the very same when nothing changes */
export async function changeCoolDown(
  paths: StatePaths,
  change: (known: Providers) => Providers,
): Promise<void> {
  await withLock(paths.coolDownLock, 10_000, async () => {
    const known = readOrSetAside(paths)
    const changed = change(known)
    if (changed !== known) writeRecord(paths.coolDown, { version: 1, providers: changed } satisfies CoolDown)
  })
}

/** What a limit was met with counts, whatever stood there; that is kept for whoever put it there. */
function readOrSetAside(paths: StatePaths): Providers {
  try {
    return readCoolDown(paths)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'corrupt-file') throw error
    if (lookAt(paths.coolDown)) outOfTheWay(paths.coolDown)
    return {}
  }
}
