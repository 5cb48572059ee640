/** Whether paths of the main checkout are on their way to everybody who clones it. */
import { git, gitTry, type Repository } from './door.ts'

/** Those that git ignores, relative to the main checkout. What is committed is not ignored, whatever the rules say. */
export async function ignoredAmong(repo: Repository, paths: readonly string[]): Promise<string[]> {
  const { stdout } = await gitTry(repo, ['check-ignore', '-z', '--stdin'], { input: paths.join('\0') })
  const ignored = new Set(stdout.toString().split('\0'))
  return paths.filter((path) => ignored.has(path))
}

/** Those with something in them that is new or changed and not committed. */
export async function uncommittedBelow(repo: Repository, paths: readonly string[]): Promise<string[]> {
  const uncommitted: string[] = []
  for (const path of paths) {
    const status = ['status', '--porcelain=v1', '--no-renames', '--untracked-files=normal', '--', path]
    if ((await git(repo, status)) !== '') uncommitted.push(path)
  }
  return uncommitted
}
