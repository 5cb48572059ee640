/**
 * The skill, where an orchestrator finds it: a link when Dirigent lies within the repository, else a copy, which can
 * be committed. Of a copy it is written down what was put there, so that a newer one replaces what nobody edited
 * and leaves alone what somebody did.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { notWritable } from '../../kit/disk.ts'
import { Failure } from '../../kit/errors.ts'
import { isDirectory, makeDirectory, removeIfEmpty, writeFileDurable } from '../../kit/files.ts'
import { litterBelow, removeLitter } from '../../kit/litter.ts'
import { packageRoot, packageVersion } from '../../kit/package.ts'
import { lookAt, namesIn, readBounded } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'
import { projectProblem, skillName, skillPath } from '../../tools/claude/project.ts'
import { isNewer, type Put, readPut, recordName, writePut } from './record.ts'

export interface SkillInstalled {
  readonly path: string
  readonly how: 'linked' | 'copied' | 'left'
  /** Files made or brought up to date now, relative to it. */
  readonly written: readonly string[]
  /** Edited by somebody, so left as they are although ours has changed since. */
  readonly kept: readonly Edited[]
  /** Why nothing was put there; null when it was. */
  readonly problem: string | null
}

export interface Edited {
  readonly name: string
  /** Null for what is no file, or no longer in a directory of ours. */
  readonly theirs: Buffer | null
  readonly ours: Buffer
}

const fileLimit = 1024 * 1024

/**
 * Puts it there, or brings it up to date.
 * @param main the main checkout
 * @param about what is about to be added to the settings, which has to be known afterwards
 */
export function installSkill(main: string, about: Pick<Put, 'settings' | 'rules'>): SkillInstalled {
  const path = skillPath(main, skillName)
  const source = join(packageRoot(), 'skill')
  const nothing = { path, written: [], kept: [], problem: null }
  const problem = problemAt(main, path)
  if (problem !== null) return { ...nothing, how: 'left', problem }
  const there = lookAt(path)
  if (there?.isSymbolicLink())
    return isDirectory(path)
      ? { ...nothing, how: 'linked' }
      : { ...nothing, how: 'left', problem: 'it is a link that leads to no directory' }
  if (there && !there.isDirectory()) return { ...nothing, how: 'left', problem: 'it is no directory' }
  if (!there && isWithin(realpathSync(source), realpathSync(main))) {
    makeDirectory(dirname(path))
    symlinkSync(relative(dirname(path), source), path)
    return { ...nothing, how: 'linked', written: [''] }
  }
  const known = readPut(path)
  if (isNewer(known))
    return {
      ...nothing,
      how: 'left',
      problem: `it is of Dirigent ${known.by}, and this is ${packageVersion()}`,
    }
  return { ...nothing, how: 'copied', ...copy(source, path, known.files, about) }
}

/** Why nothing may or can be written there, or null. */
function problemAt(main: string, path: string): string | null {
  const problem = projectProblem(main)
  if (problem !== null) return problem
  const below = lookAt(path)?.isDirectory() ? ['prompts', 'reference'].map((name) => join(path, name)) : []
  for (const directory of [dirname(dirname(path)), dirname(path), path, ...below]) {
    const why = lookAt(directory)?.isDirectory() ? notWritable(directory) : null
    if (why !== null) return `${directory} cannot be written: ${why}`
  }
  const record = join(path, recordName)
  // A link to one is replaced, as every file of ours is.
  return lookAt(record)?.isDirectory() ? `${record} is no file` : null
}

/** Pages of a copy that `init` would bring up to date: others than ours, and edited by nobody. */
export function differingIn(main: string): readonly string[] {
  const path = skillPath(main, skillName)
  if (projectProblem(main) !== null || !lookAt(path)?.isDirectory()) return []
  const source = join(packageRoot(), 'skill')
  const { files } = readPut(path)
  return filesIn(source).filter((name) => {
    const put = files[name]
    return put && hashOf(path, name) === put && put !== hash(readFileSync(join(source, name)))
  })
}

/** Takes out what we put there and nobody edited; a directory that is empty then goes, too. */
export function removeSkill(main: string): {
  readonly removed: readonly string[]
  readonly kept: ReadonlyMap<string, string>
} {
  const path = skillPath(main, skillName)
  const nothing = { removed: [], kept: new Map<string, string>() }
  const there = projectProblem(main) === null ? lookAt(path) : undefined
  const problem = there && problemAt(main, path)
  if (problem) return { removed: [], kept: new Map([[path, problem]]) }
  if (there?.isSymbolicLink()) {
    if (!leadsToOurs(main, path)) return { removed: [], kept: new Map([[path, itIsTheirs]]) }
    rmSync(path)
    return { removed: [path], kept: nothing.kept }
  }
  if (!there?.isDirectory()) return nothing
  removeLitter(litterBelow(path))
  const known = { ...sameIn(path), ...readPut(path).files }
  const names = Object.keys(known)
  const edited = names.filter((name) => isEdited(path, name, known[name])).map((name) => join(path, name))
  const ours = names.length > 0 ? [...names, recordName] : []
  const removed = ours
    .map((name) => join(path, name))
    .filter((file) => lookAt(file) && !edited.includes(file))
  for (const file of removed) rmSync(file)
  const directories = [path, ...names.map((name) => dirname(join(path, name)))]
  for (const directory of [...new Set(directories)].sort().reverse())
    if (removeIfEmpty(directory)) removed.push(directory)
  const kept = new Map(edited.map((file) => [file, itIsTheirs]))
  const left = namesIn(path).slice(0, 3).join(', ')
  if (left !== '' && kept.size === 0) kept.set(path, `what is in it is a person’s own: ${oneLine(left, 80)}`)
  return { removed, kept }
}

/** Pages that are ours word for word: who put them there was killed before that was written down. */
function sameIn(path: string): Record<string, string> {
  const source = join(packageRoot(), 'skill')
  const ours = filesIn(source).map((name) => [name, hash(readFileSync(join(source, name)))] as const)
  return Object.fromEntries(ours.filter(([name, text]) => hashOf(path, name) === text))
}

const itIsTheirs = 'it is a person’s own by now'

/** As `installSkill` makes it; a person's own leads there in another way, or elsewhere. */
function leadsToOurs(main: string, path: string): boolean {
  const source = join(packageRoot(), 'skill')
  return (
    isWithin(realpathSync(source), realpathSync(main)) &&
    readlinkSync(path) === relative(dirname(path), source)
  )
}

function copy(source: string, path: string, known: Put['files'], about: Pick<Put, 'settings' | 'rules'>) {
  removeLitter(litterBelow(path))
  const files: Record<string, string> = {}
  const written: string[] = []
  const kept: Edited[] = []
  for (const name of filesIn(source)) {
    const content = readFileSync(join(source, name))
    const ours = hash(content)
    files[name] = ours
    if (hashOf(path, name) === ours) continue
    if (isEdited(path, name, known[name])) {
      // What was there when it was edited: until the edit is undone, a newer one of ours is news.
      files[name] = known[name] ?? ''
      if (files[name] !== ours) kept.push({ name, theirs: bytesOf(path, name), ours: content })
      continue
    }
    makeDirectory(dirname(join(path, name)))
    writeFileDurable(join(path, name), content)
    written.push(name)
  }
  for (const [name, was] of Object.entries(known))
    if (files[name] === undefined && !isEdited(path, name, was)) {
      rmSync(join(path, name), { force: true })
      removeIfEmpty(dirname(join(path, name)))
    }
  writePut(path, { files, ...about })
  return { written, kept }
}

/** Whatever is no plain file in directories of its own counts as edited. */
function isEdited(path: string, name: string, known: string | undefined): boolean {
  const now = hashOf(path, name)
  return now !== null && now !== known
}

/** A text that nothing equals for what is there and cannot be read as a file; null when nothing is. */
function hashOf(path: string, name: string): string | null {
  const bytes = bytesOf(path, name)
  if (bytes) return hash(bytes)
  return isAstray(path, name) || lookAt(join(path, name)) ? 'unreadable' : null
}

function bytesOf(path: string, name: string): Buffer | null {
  if (isAstray(path, name)) return null
  try {
    return readBounded(join(path, name), fileLimit) ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** Is something else where there was a directory on the way to it? A link leads to files that are not ours. */
function isAstray(path: string, name: string): boolean {
  for (let here = dirname(join(path, name)); isWithin(here, path); here = dirname(here))
    if (lookAt(here)?.isDirectory() === false) return true
  return false
}

function filesIn(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name)
    return entry.isDirectory() ? filesIn(directory, name) : [name]
  })
}

const isWithin = (path: string, directory: string): boolean => path.startsWith(`${directory}${sep}`)
/** Ends of lines do not count: git may have turned them into those of the machine. */
const hash = (content: Buffer): string =>
  createHash('sha256').update(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1').digest('hex')
