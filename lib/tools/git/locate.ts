/**
 * Finds the repository by reading files, before any git runs: the main checkout and its git directory,
 * from the checkout, a subdirectory or a linked worktree. A worktree's `.git` file is the worker's to
 * write, so it is believed only where no main checkout lies above it.
 */
import { existsSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { errno, Failure } from '../../kit/errors.ts'

export interface Location {
  /** The main checkout's top directory. */
  readonly main: string
  /** Its git directory: `main/.git`, or elsewhere with --separate-git-dir. */
  readonly gitDir: string
}

/** @param inside the name of a directory in the main checkout that holds our worktrees */
export function locate(from: string, inside: string): Location {
  if (!isDirectory(from)) throw notFound(from)
  const start = realpathSync(from)
  const ours = start.indexOf(`${sep}${inside}${sep}`)
  const outermost = ours === -1 ? start : start.slice(0, ours)
  for (let here = outermost; ; here = dirname(here)) {
    const found = at(here)
    if (found) return found
    if (here === dirname(here)) throw notFound(from)
  }
}

/** A name that no path can have is of no directory: too long, a link to itself, one that we may not look at. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch (error) {
    if (['ENAMETOOLONG', 'ELOOP', 'EACCES'].includes(errno(error) ?? '')) return false
    throw error
  }
}

function at(directory: string): Location | undefined {
  const dotGit = join(directory, '.git')
  const stat = lstatSync(dotGit, { throwIfNoEntry: false })
  if (stat?.isDirectory() && existsSync(join(dotGit, 'HEAD'))) return { main: directory, gitDir: dotGit }
  if (stat?.isFile()) return follow(directory, dotGit)
  if (!stat && isBare(directory)) {
    throw new Failure('bare-repository', `${directory} is a bare repository; Dirigent needs a checkout`, {
      hint: `Clone it and run Dirigent there: git clone ${directory} work`,
    })
  }
  return undefined
}

/** A `.git` file: of a linked worktree (has a commondir), of a submodule, or of a separate git directory. */
function follow(directory: string, dotGit: string): Location {
  const match = /^gitdir: (.+)$/m.exec(readFileSync(dotGit, 'utf8').slice(0, 4096))
  const gitDir = match?.[1] ? absolute(directory, match[1]) : ''
  if (!existsSync(join(gitDir, 'HEAD'))) throw notFound(directory)
  const commondir = join(gitDir, 'commondir')
  if (!existsSync(commondir)) return { main: directory, gitDir }
  const common = absolute(gitDir, readFileSync(commondir, 'utf8').slice(0, 4096).trim())
  const main = dirname(common)
  if (basename(common) === '.git' && existsSync(join(common, 'HEAD'))) return { main, gitDir: common }
  throw new Failure(
    'bare-repository',
    `${directory} is a worktree of ${common}, which has no main checkout`,
    {
      hint: `Clone it and run Dirigent there: git clone ${common} work`,
    },
  )
}

/** The branch that the main checkout has checked out, or null when its HEAD is detached. */
export function checkedOut(location: Location): string | null {
  const head = readFileSync(join(location.gitDir, 'HEAD'), 'utf8').trim()
  return head.startsWith('ref: refs/heads/') ? head.slice('ref: refs/heads/'.length) : null
}

function isBare(directory: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(directory, name)))
}

function absolute(from: string, path: string): string {
  const full = isAbsolute(path) ? path : resolve(from, path)
  return existsSync(full) ? realpathSync(full) : full
}

function notFound(from: string): Failure {
  const name = from.slice(0, 200)
  // Of a name that is nothing to see, or breaks the line, it is to be seen what was typed.
  const shown = /\p{Cc}|^\s*$/u.test(name) ? JSON.stringify(name) : name
  return new Failure('not-a-repository', `${shown} is not inside a git repository`, {
    hint: 'Go into your repository, or name it: --repo DIR. A new one: git init',
  })
}
