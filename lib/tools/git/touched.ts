/** What a worker has touched so far, while it works: a hint, as true as the worker's own index. */
import { git, gitList, type Place, type Repository } from './door.ts'
import { headOf } from './worktrees.ts'

/**
 * Paths changed since the branch left `base`, and those with uncommitted changes; sorted. Nothing is written, not even
 * the worker's index: it may be using it.
 */
export async function touchedFiles(repo: Repository, place: Place, base: string): Promise<string[]> {
  const at = { at: place }
  const committed = async () => {
    const head = await headOf(repo, place)
    return head === null ? [] : await gitList(repo, [...diffArgs, `${base}...${head}`], at)
  }
  const [done, seen] = await Promise.all([committed(), git(repo, statusArgs, at)])
  const open = seen.split('\0').filter((entry) => entry !== '')
  return [...new Set([...done, ...open.map((entry) => entry.slice(3))])].sort()
}

const diffArgs = ['diff', '--name-only', '-z', '--no-ext-diff', '--no-renames', '--ignore-submodules=all']
/** `XY path`, without renames. */
const statusArgs = [
  'status',
  '--porcelain',
  '-z',
  '--no-renames',
  '--untracked-files=all',
  '--ignore-submodules=all',
]
