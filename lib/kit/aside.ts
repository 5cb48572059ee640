/** A directory for one look, outside of every repository. What such looks left that were killed goes on the way. */
import { mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { notWritable } from './disk.ts'
import { isDirectory } from './files.ts'
import { abandoned, removeLitter } from './litter.ts'
import { namesIn } from './read.ts'
import { temporaryName } from './temporary.ts'

/** @returns its path; the caller removes it */
export function makeAside(name: string, parent: string = tmpdir()): string {
  const wanted = join(realpathSync(parent), name)
  const ours = `.tmp-${basename(wanted)}-`
  const names = namesIn(dirname(wanted)).filter((one) => one.startsWith(ours))
  removeLitter(abandoned(dirname(wanted), names))
  const place = temporaryName(wanted)
  mkdirSync(place, { mode: 0o700 })
  return place
}

const memory = '/dev/shm'

/** For little that some program syncs all the time: where memory can be written, no busy disk is waited for. */
export const quickPlace = (): string =>
  isDirectory(memory) && notWritable(memory) === null ? memory : tmpdir()
