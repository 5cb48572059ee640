/** When a disk is so full that work will fail soon. Pure. */
import type { Space } from '../kit/space.ts'

const MiB = 1024 * 1024

/** A sentence, or null. Small disks (a tmpfs) are measured by their size. */
export function spaceProblem({ free, total, freeFiles, files }: Space): string | null {
  if (free < Math.min(500 * MiB, total / 20)) return `only ${Math.floor(free / MiB)} MiB are free`
  if (files > 0 && freeFiles < Math.min(5000, files / 50)) return `only ${freeFiles} more files can be made`
  return null
}
