/**
 * The set of shims: a directory that is first on a worker's PATH, with a name in it for each heavy program that
 * this machine has. (For one that it has not there is none: `command -v yarn` must go on saying that there is
 * no yarn.) Each content has a directory of its own, made beside and renamed in, and never changed: workers
 * that run already keep theirs.
 */
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { errno } from '../../kit/errors.ts'
import { makeDirectory, removeTree, syncDirectory, temporaryName, writeFileSynced } from '../../kit/files.ts'
import { packageRoot } from '../../kit/package.ts'
import { type ShimPaths, shimPaths } from '../../state/paths.ts'
import type { Context } from '../context.ts'

/** The set for the configuration and this machine, made when it is not there yet; null when nothing is heavy. */
export function shimSet(context: Context): ShimPaths | null {
  const programs = context.config.build.shim
  const names = Object.keys(programs).sort()
  if (names.length === 0) return null
  const present = installed(names, process.env.PATH ?? '')
  const content = [packageRoot(), process.execPath, present, names.map((name) => [name, programs[name]])]
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
  const set = context.paths.shimSet(hash)
  if (!existsSync(set.directory)) publish(context, set, present)
  return set
}

/** What `installed` found: some hundred looks at files, and a runner asks for each worker, check and hook. */
const known = new Map<string, readonly string[]>()

/** Those of the programs that PATH has; sets of shims on it do not count. Looked for once in a process. */
function installed(names: readonly string[], path: string): readonly string[] {
  const key = JSON.stringify([path, names])
  const found = known.get(key) ?? lookFor(names, path)
  known.set(key, found)
  return found
}

function lookFor(names: readonly string[], path: string): string[] {
  const directories = path
    .split(':')
    .filter((directory) => isAbsolute(directory) && !existsSync(shimPaths(directory).dirigent))
  return names.filter((name) => directories.some((directory) => isProgram(join(directory, name))))
}

/** Most are not there, which must not cost an error: a PATH of twenty directories is some hundred looks. */
function isProgram(path: string): boolean {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes(errno(error) ?? '')) return false
    throw error
  }
}

function publish(context: Context, set: ShimPaths, present: readonly string[]): void {
  makeDirectory(context.paths.shims)
  const beside = shimPaths(temporaryName(set.directory))
  fill(beside, context.config.build.shim, present)
  try {
    renameSync(beside.directory, set.directory)
    syncDirectory(context.paths.shims)
  } catch (error) {
    removeTree(beside.directory)
    // Another runner was faster, with the same content.
    if (!['EEXIST', 'ENOTEMPTY'].includes(errno(error) ?? '')) throw error
  }
}

function fill(
  set: ShimPaths,
  programs: Readonly<Record<string, readonly string[]>>,
  present: readonly string[],
): void {
  const names = Object.keys(programs)
  makeDirectory(set.allRules)
  const worker = join(packageRoot(), 'bin', 'worker')
  symlinkSync(process.execPath, set.node)
  symlinkSync(join(worker, 'dirigent'), set.dirigent)
  for (const name of present) {
    writeFileSynced(set.rules(name), (programs[name] ?? []).map((entry) => `${entry}\n`).join(''))
    symlinkSync(join(worker, 'shim'), set.program(name))
  }
  writeFileSynced(set.names, `${namesPattern(names)}\n`)
  syncDirectory(set.allRules)
  syncDirectory(set.directory)
}

/** For `grep -E` over a command as JSON has it: a newline there is `\n`, and its n is not part of a name. */
export function namesPattern(names: readonly string[]): string {
  const any = names.map((name) => name.replace(/[.+]/g, '\\$&')).join('|')
  return `(^|\\\\[nrt]|[^A-Za-z0-9_.-])(${any})([^A-Za-z0-9_-]|$)`
}
