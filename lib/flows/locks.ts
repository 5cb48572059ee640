/** Which family of locks a directory uses: found by trying the first time, then written down and kept to. */
import { dirname } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { createFileOnce } from '../kit/files.ts'
import { kernelLockProblem, type LockFamily, useLocks } from '../kit/lock.ts'
import { readRecord, writeRecord } from '../state/record.ts'
import { lockFamily } from '../state/schema/locks.ts'

export interface Locks {
  readonly family: LockFamily
  /** Why the kernel's locks are not used; null when they are. */
  readonly why: string | null
}

/**
 * Before the first lock below `covered` is taken in a process.
 * @param record where the choice is written down; trying is done beside it
 */
export async function openLocks(record: string, covered = dirname(record)): Promise<Locks> {
  const locks = readRecord(record, lockFamily) ?? (await choose(record))
  useLocks(covered, locks.family)
  return locks
}

/** What trying says now, whatever is written down. */
export async function tryLocks(record: string): Promise<Locks> {
  const why = await kernelLockProblem(dirname(record))
  return { family: why === null ? 'flock' : 'proper-lockfile', why }
}

/** Writes another choice down. Nobody may hold a lock below `covered`: the families do not exclude each other. */
export function changeLocks(record: string, covered: string, { family, why }: Locks): void {
  writeRecord(record, noted(family, why))
  useLocks(covered, family)
}

/** The first of several callers decides for all. */
async function choose(record: string): Promise<Locks> {
  try {
    const found = await tryLocks(record)
    createFileOnce(record, `${JSON.stringify(noted(found.family, found.why), null, 2)}\n`)
    return readRecord(record, lockFamily) ?? found
  } catch (error) {
    // Nothing can be written, so nothing will be changed under a lock either; reading goes on.
    if (error instanceof Failure && ['disk-full', 'state-read-only'].includes(error.code))
      return { family: 'flock', why: null }
    throw error
  }
}

const noted = (family: LockFamily, why: string | null) =>
  ({ version: 1, family, why, at: new Date().toISOString() }) as const
