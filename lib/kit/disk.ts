/**
 * What the system says when a file cannot be written, as failures: a full disk, a failing one, one that is
 * read-only.
 */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { errno, Failure, reasonOf } from './errors.ts'

/** Maps the errnos that a person can do something about; anything else is passed on as it is. */
export function diskFailure(error: unknown, path: string): unknown {
  const code = errno(error)
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new Failure('disk-full', `No space left to write ${path}; its old content is unchanged`, {
      hint: `Free some space on the disk that holds it (df ${dirname(path)}), then repeat the command.`,
      retryable: true,
      cause: error,
    })
  }
  if (code === 'EIO') {
    return new Failure('disk-failed', `The disk failed at ${path}: ${reasonOf(error)}`, {
      hint: `See what the system says of it (dmesg), then repeat the command: nothing has to be mended by hand.`,
      retryable: true,
      cause: error,
    })
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new Failure('corrupt-file', `${path} cannot be made: a file is where a directory should be`, {
      hint: `Move that file away: ls -ld ${dirname(path)} ${path}`,
      cause: error,
    })
  }
  if (code === 'EISDIR' || code === 'ELOOP' || code === 'ENXIO') {
    return new Failure('corrupt-file', `${path} cannot be opened or written: it is no regular file`, {
      hint: `Move it away: ls -ld ${path}`,
      cause: error,
    })
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new Failure('state-read-only', `Cannot write ${path}: ${reasonOf(error)}`, {
      hint: `Make the directory writable for this user: ${dirname(path)}`,
      cause: error,
    })
  }
  return error
}

/**
 * The disk's own trouble, full or failing, whoever met it: as a Failure; null for anything else. It passes, or
 * somebody sees to it, and then the same call works.
 */
export function diskTrouble(error: unknown): Failure | null {
  if (error instanceof Failure) return ['disk-full', 'disk-failed'].includes(error.code) ? error : null
  if (!['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(errno(error) ?? '')) return null
  const path = error instanceof Error && 'path' in error ? String(error.path) : 'the state directory'
  const failure = diskFailure(error, path)
  return failure instanceof Failure ? failure : null
}

/** Why a directory lets nothing be made or removed in it, or null. */
export function notWritable(directory: string): string | null {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM'].includes(errno(error) ?? '')) return errno(error) ?? null
    throw error
  }
}

export function shortWrite(path: string, written: number, wanted: number): Failure {
  return new Failure('disk-full', `Only ${written} of ${wanted} bytes of ${path} could be written`, {
    hint: `Free some space on the disk that holds it (df ${dirname(path)}).`,
    retryable: true,
  })
}
