/** How much room a file system has. */
import { statfsSync } from 'node:fs'

export interface Space {
  /** Bytes. */
  readonly free: number
  readonly total: number
  /** Files that can still be made, and that there can be; both 0 where the file system does not count them. */
  readonly freeFiles: number
  readonly files: number
}

export function spaceOf(path: string): Space {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(path)
  return { free: bavail * bsize, total: blocks * bsize, freeFiles: ffree, files }
}
