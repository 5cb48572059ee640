/**
 * The skill, where an orchestrator finds it: a link when Dirigent lies within the repository, else a copy, which can
 * be committed. Of a copy it is written down what was put there, so that a newer one replaces what nobody edited
 * and leaves alone what somebody did.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import * as z from 'zod/mini'
import { Failure } from '../../kit/errors.ts'
import { isDirectory, makeDirectory, removeIfEmpty, writeFileDurable } from '../../kit/files.ts'
import { packageRoot } from '../../kit/package.ts'
import { lookAt, namesIn, readBounded } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'
import {
  type PlaceMade,
  placesMade,
  projectProblem,
  skillName,
  skillPath,
} from '../../tools/claude/project.ts'

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

/** `.installed.json` in a copy: what we put there, and what was made for our rules. */
const record = z.object({
  version: z.literal(1),
  files: z.record(z.string(), z.string()),
  settings: z.optional(z.enum(placesMade)),
})
interface Known {
  readonly files: Readonly<Record<string, string>>
  readonly settings: PlaceMade | null
}
const recordName = '.installed.json'
const fileLimit = 1024 * 1024

/**
 * Puts it there, or brings it up to date.
 * @param main the main checkout
 * @param settings what is about to be made for our rules; null: nothing that was not made before
 */
export function installSkill(main: string, settings: PlaceMade | null): SkillInstalled {
  const path = skillPath(main, skillName)
  const source = join(packageRoot(), 'skill')
  const nothing = { path, written: [], kept: [], problem: null }
  const problem = projectProblem(main)
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
  return { ...nothing, how: 'copied', ...copy(source, path, settings) }
}

/** Pages of a copy that `init` would bring up to date: others than ours, and edited by nobody. */
export function differingIn(main: string): readonly string[] {
  const path = skillPath(main, skillName)
  if (projectProblem(main) !== null || !lookAt(path)?.isDirectory()) return []
  const source = join(packageRoot(), 'skill')
  const { files } = readRecord(path)
  return filesIn(source).filter((name) => {
    const put = files[name]
    return put && hashOf(path, name) === put && put !== hash(readFileSync(join(source, name)))
  })
}

/** What `init` made for our rules; null when it did not say. */
export const madeForRules = (main: string): PlaceMade | null =>
  projectProblem(main) === null ? readRecord(skillPath(main, skillName)).settings : null

/** Takes out what we put there and nobody edited; a directory that is empty then goes, too. */
export function removeSkill(main: string): {
  readonly removed: readonly string[]
  readonly kept: ReadonlyMap<string, string>
} {
  const path = skillPath(main, skillName)
  const nothing = { removed: [], kept: new Map<string, string>() }
  const there = projectProblem(main) === null ? lookAt(path) : undefined
  if (there?.isSymbolicLink()) {
    if (!leadsToOurs(main, path)) return { removed: [], kept: new Map([[path, itIsTheirs]]) }
    rmSync(path)
    return { removed: [path], kept: nothing.kept }
  }
  if (!there?.isDirectory()) return nothing
  const known = readRecord(path).files
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

const itIsTheirs = 'it is a person’s own by now'

/** As `installSkill` makes it; a person's own leads there in another way, or elsewhere. */
function leadsToOurs(main: string, path: string): boolean {
  const source = join(packageRoot(), 'skill')
  return (
    isWithin(realpathSync(source), realpathSync(main)) &&
    readlinkSync(path) === relative(dirname(path), source)
  )
}

function copy(source: string, path: string, settings: PlaceMade | null) {
  const known = readRecord(path)
  const files: Record<string, string> = {}
  const written: string[] = []
  const kept: Edited[] = []
  for (const name of filesIn(source)) {
    const content = readFileSync(join(source, name))
    const ours = hash(content)
    files[name] = ours
    if (hashOf(path, name) === ours) continue
    if (isEdited(path, name, known.files[name])) {
      // What was there when it was edited: until the edit is undone, a newer one of ours is news.
      files[name] = known.files[name] ?? ''
      if (files[name] !== ours) kept.push({ name, theirs: bytesOf(path, name), ours: content })
      continue
    }
    makeDirectory(dirname(join(path, name)))
    writeFileDurable(join(path, name), content)
    written.push(name)
  }
  for (const name of Object.keys(known.files))
    if (files[name] === undefined && !isEdited(path, name, known.files[name])) {
      rmSync(join(path, name), { force: true })
      removeIfEmpty(dirname(join(path, name)))
    }
  const made = settings ?? known.settings
  const now = `${JSON.stringify({ version: 1, files, ...(made ? { settings: made } : {}) }, null, 2)}\n`
  if (hashOf(path, recordName) !== hash(Buffer.from(now))) writeFileDurable(join(path, recordName), now)
  return { written, kept }
}

/** What we put there, by name; nothing where it cannot be read: then everything there counts as edited. */
function readRecord(path: string): Known {
  try {
    const bytes = readBounded(join(path, recordName), fileLimit)
    const known = bytes ? record.safeParse(JSON.parse(bytes.toString())).data : undefined
    // It comes with the repository: what it names elsewhere is not ours to remove.
    const files = Object.entries(known?.files ?? {}).filter(([name]) => isWithin(join(path, name), path))
    return { files: Object.fromEntries(files), settings: known?.settings ?? null }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return { files: {}, settings: null }
    throw error
  }
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
