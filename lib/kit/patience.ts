/**
 * People save files while we read them: an editor empties the file and writes it, or moves it away for a moment
 * and puts another in its place. What was changed just now and cannot be read is looked at again before it is
 * called broken; what has been broken for longer costs nothing. Half of a text can make sense, too (settings of
 * which the last lines are missing), so such a file is also not believed before its save is over.
 */
import { dirname } from 'node:path'
import { errno, Failure } from './errors.ts'
import { lookAt } from './read.ts'

/** Milliseconds: what was changed longer ago is nobody's who is still saving. */
const fresh = 1000

/** After so many milliseconds without a change a save is over; so long what cannot be read is looked at again. */
const quiet = 100
/** Between two looks. */
const pause = 10
/** Whoever saves again and again is not waited for for ever. */
const longest = 1000
/** The kernel stamps changes with a clock that goes in steps of a few milliseconds. */
const tick = 10

/**
 * Asked after each look that failed: may another one help? It has then waited for a moment, blocking: reads are
 * synchronous. For a file that is missing, what counts is when something was last moved in its directory. To be
 * made before the first look: a file that changed since a look began deserves another, however long the look took.
 */
export function patience(path: string): () => boolean {
  let looked = Date.now()
  let first: number | undefined
  return () => {
    const changed = lastChange(path)
    const now = Date.now()
    // A time in the future says nothing.
    if (changed === undefined || changed - now >= fresh) return false
    first ??= now
    if (now >= first + longest) return false
    const settled = now - changed >= fresh || now >= Math.max(first, changed) + quiet
    if (settled && !changedSince(looked, changed, now)) return false
    sleep(pause)
    looked = Date.now()
    return true
  }
}

/**
 * Asked after each look that made sense: may that have been the first half of a save? It has then waited, blocking,
 * and the file must be looked at again. To be made before the first look.
 */
export function beingSaved(path: string): () => boolean {
  let looked = Date.now()
  const giveUp = looked + longest
  return () => {
    const now = Date.now()
    const changed = lastChange(path) ?? 0
    const age = now - changed
    // One from the future says nothing.
    if (age < 0 || now >= giveUp) return false
    if (age >= quiet && !changedSince(looked, changed, now)) return false
    sleep(Math.max(1, quiet - age + 1))
    looked = Date.now()
    return true
  }
}

/**
 * Looks until a save is over.
 * @param look undefined for what is not there: an editor may just have moved it away; a Failure for what cannot be read
 */
export async function whenSaved<T>(path: string, look: () => T | Promise<T>): Promise<T> {
  const believed = believer(path)
  while (true) {
    try {
      const seen = await look()
      if (believed(seen)) return seen
    } catch (error) {
      if (!(error instanceof Failure) || believed(error)) throw error
    }
  }
}

/** The same, where whoever asks cannot wait for a promise. */
export function whenSavedSync<T>(path: string, look: () => T): T {
  const believed = believer(path)
  while (true) {
    try {
      const seen = look()
      if (believed(seen)) return seen
    } catch (error) {
      if (!(error instanceof Failure) || believed(error)) throw error
    }
  }
}

/** Asked with what came of each look: what was seen, undefined or a Failure. False: look again; it has then waited. */
function believer(path: string): (seen: unknown) => boolean {
  const again = patience(path)
  const half = beingSaved(path)
  return (seen) => !(seen === undefined || seen instanceof Failure ? again() : half())
}

/** A look that began then may have seen what was there before the change: whoever looked was held up meanwhile. */
function changedSince(looked: number, changed: number, now: number): boolean {
  return changed <= now && changed + tick >= looked
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/**
 * In whole milliseconds, as Date.now() counts them: a change of this very millisecond is otherwise one from the
 * future. Undefined for what nobody saves, and for what cannot be looked at: whoever reads it says why.
 */
function lastChange(path: string): number | undefined {
  try {
    const there = lookAt(path)
    if (there && !there.isFile()) return undefined
    const changed = (there ?? lookAt(dirname(path)))?.mtimeMs
    return changed && Math.floor(changed)
  } catch (error) {
    if (['ENAMETOOLONG', 'EACCES', 'ELOOP', 'EIO'].includes(errno(error) ?? '')) return undefined
    throw error
  }
}
