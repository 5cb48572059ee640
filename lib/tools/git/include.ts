/**
 * `.worktreeinclude`: files that git does not carry (such as `.env`) and a worktree needs. One glob a
 * line, read as .gitignore reads them: without a slash it matches at any depth, `!` takes back.
 */
import { constants, copyFileSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { lookAt, readBounded } from '../../kit/read.ts'

const includeFile = '.worktreeinclude'
const most = 2000

/**
 * Copies matching files of the main checkout that the worktree lacks. Returns what was copied.
 * @param never globs of what no pattern may bring
 */
export async function copyIncluded(
  main: string,
  worktree: string,
  never: readonly string[],
): Promise<string[]> {
  const text = readBounded(join(main, includeFile), 64 * 1024)
  if (!text) return []
  const { patterns, ignore } = globs(text.toString())
  if (patterns.length === 0) return []
  const { default: glob } = await import('fast-glob')
  const found = await glob(patterns, {
    cwd: main,
    dot: true,
    onlyFiles: true,
    followSymbolicLinks: false,
    ignore: [...ignore, ...never, '**/.git/**'],
  })
  if (found.length > most) {
    throw new Failure(
      'bad-config',
      `${includeFile} matches ${found.length} files; at most ${most} are copied`,
      {
        hint: 'Narrow its patterns; install dependencies with worktree.setup instead of copying them.',
      },
    )
  }
  return found.sort().filter((file) => copyInto(main, worktree, file))
}

/** Pure: .gitignore-like lines → globs. */
export function globs(text: string): { patterns: string[]; ignore: string[] } {
  const patterns: string[] = []
  const ignore: string[] = []
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const negated = line.startsWith('!')
    const bare = (negated ? line.slice(1) : line).replace(/\/$/, '')
    const anchored = bare.startsWith('/') || bare.includes('/')
    const glob = anchored ? bare.replace(/^\//, '') : `**/${bare}`
    ;(negated ? ignore : patterns).push(glob, `${glob}/**`)
  }
  return { patterns, ignore }
}

/** Nothing is overwritten, and a symbolic link that the base carries leads nowhere outside. */
function copyInto(main: string, worktree: string, file: string): boolean {
  const target = join(worktree, file)
  if (lookAt(target)) return false
  let parent = dirname(target)
  while (!lookAt(parent)) parent = dirname(parent)
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) return false
  const root = realpathSync(worktree)
  const real = realpathSync(parent)
  if (real !== root && !real.startsWith(root + sep)) return false
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(join(main, file), target, constants.COPYFILE_EXCL)
  return true
}
