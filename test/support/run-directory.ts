/**
 * One directory per run of the tests, in which lies everything that they make. It says whose it is, so that the next
 * run finds and removes what one that was killed has left.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { errno } from '../../lib/kit/errors.ts'
import { findProcess, ourselves } from '../../lib/kit/pid.ts'
import { namesIn } from '../../lib/kit/read.ts'
import { killAll } from './processes.ts'

const prefix = 'dirigent-run-'
const owner = '.owner.json'

/** @returns it; TMPDIR of this process, and of those it starts, from now on */
export async function makeRunDirectory(): Promise<string> {
  if (await isRoomy(memory)) process.env.TMPDIR ??= memory
  const parent = realpathSync(tmpdir())
  await sweepRuns(parent)
  const directory = mkdtempSync(join(parent, prefix))
  // As /tmp is: some tests of root's start something as nobody.
  chmodSync(directory, 0o1777)
  writeFileSync(join(directory, owner), JSON.stringify(ourselves()))
  process.env.TMPDIR = directory
  return directory
}

/** Removes the directories of runs that live no more, and ends what has outlived them there. */
export async function sweepRuns(parent: string): Promise<void> {
  for (const name of namesIn(parent).filter((each) => each.startsWith(prefix))) {
    const directory = join(parent, name)
    if (!isLeft(directory)) continue
    await killAll(directory)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Of a run that cannot be seen from here (another container) we know no more than how old it is. */
const foreignLife = 86_400_000

function isLeft(directory: string): boolean {
  try {
    const there = statSync(directory)
    // Another person's.
    if (process.getuid && there.uid !== process.getuid()) return false
    const made = existsSync(join(directory, owner))
    const state = made ? findProcess(JSON.parse(readFileSync(join(directory, owner), 'utf8'))) : 'unknown'
    return state === 'gone' || (state === 'unknown' && there.mtimeMs < Date.now() - foreignLife)
  } catch (error) {
    // Another run has just swept it, or its own has just ended.
    if (errno(error) === 'ENOENT') return false
    // Killed as it wrote down whose it is.
    if (error instanceof SyntaxError) return true
    throw error
  }
}

/** On ext4 a file that is made soon after thousands were removed costs more than anything else a test does. */
const memory = '/dev/shm'
const enough = 4 * 1024 ** 3

/** In a container it is often small, and nothing in it can be started. */
async function isRoomy(directory: string): Promise<boolean> {
  let probe: string | undefined
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    if (bavail * bsize < enough) return false
    probe = mkdtempSync(join(directory, 'dirigent-probe-'))
    writeFileSync(join(probe, 'run'), '#!/bin/sh\n', { mode: 0o755 })
    return (await execa(join(probe, 'run'), { reject: false })).exitCode === 0
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EROFS'].includes(errno(error) ?? '')) return false
    throw error
  } finally {
    if (probe) rmSync(probe, { recursive: true })
  }
}
