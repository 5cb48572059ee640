/**
 * A lock file that git met: waited for, since another git may be at work, and removed when it was left by one that
 * was killed. Without this a kill in the wrong moment would stop every git that needs the file, until a person looks.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { removeTree } from '../../kit/files.ts'
import { isOld, locksIn, staleLocks } from './leftovers.ts'
import type { Location } from './locate.ts'

/** How often and how far apart, milliseconds: longer than it takes until a lock counts as left behind. */
export const patience = { times: 14, apart: 250 }

/** The lock file that git says is there, or null when it complains of something else. */
export function lockInTheWay(stderr: string): string | null {
  const path = /Unable to create '([^'\n]+\.lock)': File exists/.exec(stderr)?.[1]
  if (path === undefined || !existsSync(dirname(path))) return null
  // We see the repository through links.
  return join(realpathSync(dirname(path)), basename(path))
}

/** Waits a moment; removes those at which nobody can be. */
export async function makeWay(location: Location, locks: readonly string[]): Promise<void> {
  await delay(patience.apart)
  const stale = staleLocks(location, location.main).filter((lock) => locks.includes(lock))
  // Looking takes a while: another of us may have removed it meanwhile, and a git at work made its own.
  for (const lock of stale) if (isOld(lock)) removeTree(lock)
}

/**
 * After a git of ours was killed whose work is done all the same, so that no other of ours meets what it left: its
 * locks would stop the git of a person.
 */
export async function clearAway(location: Location): Promise<void> {
  for (let times = 0; times < patience.times; times++) {
    // In the worktrees others of us are at work.
    const left = locksIn(location.gitDir).filter(
      (lock) => !lock.startsWith(join(location.gitDir, 'worktrees')),
    )
    if (left.length === 0) return
    await makeWay(location, left)
  }
}
