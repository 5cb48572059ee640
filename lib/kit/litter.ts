/** What writers that were killed left under temporary names: listed and removed, never that of one who lives. */
import { join } from 'node:path'
import { errno } from './errors.ts'
import { removeTree } from './files.ts'
import { lookAt, namesIn } from './read.ts'
import { isAbandoned, isTemporaryName } from './temporary.ts'

/** Abandoned temporary files and directories that lie directly in a directory; none behind a link. */
export function litterIn(directory: string): string[] {
  return lookAt(directory)?.isDirectory() ? abandoned(directory, namesIn(directory)) : []
}

/** The same for names that were read already. */
export function abandoned(directory: string, names: readonly string[]): string[] {
  const now = Date.now()
  return names.filter(isTemporaryName).flatMap((name) => {
    const path = join(directory, name)
    const there = lookAt(path)
    return there && isAbandoned(name, there.mtimeMs, now) ? [path] : []
  })
}

/** In a directory and all below it. Links are not followed. */
export function litterBelow(directory: string): string[] {
  const found = litterIn(directory)
  for (const name of namesIn(directory)) {
    const path = join(directory, name)
    if (!found.includes(path) && lookAt(path)?.isDirectory()) found.push(...litterBelow(path))
  }
  return found
}

/** Removes what `litterIn` and `litterBelow` found. Somebody else may be at it, too. */
export function removeLitter(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      removeTree(path)
    } catch (error) {
      // Litter that cannot be removed harms nobody; who cannot write at all will be told by another write.
      if (!['EROFS', 'EACCES', 'EPERM', 'EBUSY', 'ENOTEMPTY'].includes(errno(error) ?? '')) throw error
    }
  }
}
