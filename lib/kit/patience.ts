/**
 * People save files while we read them: an editor empties the file and writes it, or moves it away for a moment
 * and puts another in its place. What was changed just now and cannot be read is looked at again before it is
 * called broken; what has been broken for longer costs nothing. Half of a text can make sense, too (settings of
 * which the last lines are missing), so such a file is also not believed before its save is over.
 */
import { dirname } from 'node:path'
import { lookAt } from './read.ts'

/** Milliseconds: what was changed longer ago is nobody's who is still saving. */
const fresh = 1000

/** How long a file is looked at again, and how often; milliseconds. */
const longest = 100
const pause = 10

/**
 * Asked after each look that failed: may another one help? It has then waited for a moment, blocking: reads are
 * synchronous. For a file that is missing, what counts is when something was last moved in its directory.
 */
export function patience(path: string): () => boolean {
  let giveUp: number | undefined
  return () => {
    if (!isFresh(path)) return false
    giveUp ??= Date.now() + longest
    if (Date.now() >= giveUp) return false
    sleep(pause)
    return true
  }
}

/** After so long without a change a save is over; and how long at most that is waited for. Milliseconds. */
const quiet = 100
const longestSave = 1000

/**
 * Asked after each look that made sense: may that have been the first half of a save? It has then waited, blocking,
 * and the file must be looked at again.
 */
export function beingSaved(path: string): () => boolean {
  const giveUp = Date.now() + longestSave
  return () => {
    const there = lookAt(path)
    const age = there?.isFile() ? Date.now() - there.mtimeMs : quiet
    // One from the future says nothing.
    if (age < 0 || age >= quiet || Date.now() >= giveUp) return false
    sleep(quiet - age + 1)
    return true
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

function isFresh(path: string): boolean {
  const there = lookAt(path)
  if (there && !there.isFile()) return false
  const changed = (there ?? lookAt(dirname(path)))?.mtimeMs
  return changed !== undefined && Math.abs(Date.now() - changed) < fresh
}
