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
import { makeDirectory, removeIfEmpty, writeFileDurable } from '../../kit/files.ts'
import { packageRoot } from '../../kit/package.ts'
import { lookAt, readBounded } from '../../kit/read.ts'
import { skillPath } from '../../tools/claude/project.ts'

export const skillName = 'dirigent'

export interface SkillInstalled {
  readonly path: string
  readonly how: 'linked' | 'copied'
  /** Files made or brought up to date now, relative to it. */
  readonly written: readonly string[]
  /** Edited by somebody, so left as they are although ours has changed since. */
  readonly kept: readonly Edited[]
}

export interface Edited {
  readonly name: string
  readonly theirs: Buffer
  readonly ours: Buffer
}

/** `.installed.json` in a copy: what we put there. */
const record = z.object({ version: z.literal(1), files: z.record(z.string(), z.string()) })
type Files = Readonly<Record<string, string>>
const recordName = '.installed.json'
const fileLimit = 1024 * 1024

/** Puts it there, or brings it up to date. @param main the main checkout */
export function installSkill(main: string): SkillInstalled {
  const path = skillPath(main, skillName)
  const source = join(packageRoot(), 'skill')
  const there = lookAt(path)
  if (there?.isSymbolicLink()) return { path, how: 'linked', written: [], kept: [] }
  if (there && !there.isDirectory())
    throw new Failure('corrupt-file', `${path} is in the way of the skill`, { hint: 'Move it away.' })
  if (!there && isWithin(realpathSync(source), realpathSync(main))) {
    makeDirectory(dirname(path))
    symlinkSync(relative(dirname(path), source), path)
    return { path, how: 'linked', written: [''], kept: [] }
  }
  return copy(source, path)
}

/** Takes out what we put there and nobody edited; a directory that is empty then goes, too. */
export function removeSkill(main: string): {
  readonly removed: readonly string[]
  readonly kept: readonly string[]
} {
  const path = skillPath(main, skillName)
  const there = lookAt(path)
  if (there?.isSymbolicLink()) {
    if (!leadsToOurs(main, path)) return { removed: [], kept: [path] }
    rmSync(path)
    return { removed: [path], kept: [] }
  }
  const known = readRecord(path)
  const names = Object.keys(known)
  const kept = names.filter((name) => isEdited(join(path, name), known[name])).map((name) => join(path, name))
  const removed = names.map((name) => join(path, name)).filter((file) => lookAt(file) && !kept.includes(file))
  for (const file of removed) rmSync(file)
  if (names.length > 0) rmSync(join(path, recordName), { force: true })
  const directories = [...new Set(names.map((name) => dirname(join(path, name))))]
  for (const directory of [...directories.sort().reverse(), path, dirname(path), dirname(dirname(path))])
    removeIfEmpty(directory)
  return { removed, kept }
}

/** As `installSkill` makes it; a person's own leads there in another way, or elsewhere. */
function leadsToOurs(main: string, path: string): boolean {
  const source = join(packageRoot(), 'skill')
  return (
    isWithin(realpathSync(source), realpathSync(main)) &&
    readlinkSync(path) === relative(dirname(path), source)
  )
}

function copy(source: string, path: string): SkillInstalled {
  const known = readRecord(path)
  const files: Record<string, string> = {}
  const written: string[] = []
  const kept: Edited[] = []
  for (const name of filesIn(source)) {
    const content = readFileSync(join(source, name))
    const target = join(path, name)
    const ours = hash(content)
    files[name] = ours
    if (hashOf(target) === ours) continue
    if (lookAt(target) && isEdited(target, known[name])) {
      // What was there when it was edited: until the edit is undone, a newer one of ours is news.
      files[name] = known[name] ?? ''
      const theirs = bytesOf(target)
      if (theirs && files[name] !== ours) kept.push({ name, theirs, ours: content })
      continue
    }
    makeDirectory(dirname(target))
    writeFileDurable(target, content)
    written.push(name)
  }
  for (const name of Object.keys(known))
    if (files[name] === undefined && !isEdited(join(path, name), known[name]))
      rmSync(join(path, name), { force: true })
  const now = `${JSON.stringify({ version: 1, files }, null, 2)}\n`
  if (hashOf(join(path, recordName)) !== hash(now)) writeFileDurable(join(path, recordName), now)
  return { path, how: 'copied', written, kept }
}

/** What we put there, by name; nothing where it cannot be read: then everything there counts as edited. */
function readRecord(path: string): Files {
  try {
    const bytes = readBounded(join(path, recordName), fileLimit)
    const files = bytes ? (record.safeParse(JSON.parse(bytes.toString())).data?.files ?? {}) : {}
    // It comes with the repository: what it names elsewhere is not ours to remove.
    return Object.fromEntries(Object.entries(files).filter(([name]) => isWithin(join(path, name), path)))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return {}
    throw error
  }
}

const isEdited = (path: string, known: string | undefined): boolean => {
  const now = hashOf(path)
  return now !== null && now !== known
}

/** A text that nothing equals for what is there and cannot be read as a file; null when nothing is. */
function hashOf(path: string): string | null {
  const bytes = bytesOf(path)
  return bytes ? hash(bytes) : lookAt(path) ? 'unreadable' : null
}

function bytesOf(path: string): Buffer | null {
  try {
    return readBounded(path, fileLimit) ?? null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

function filesIn(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name)
    return entry.isDirectory() ? filesIn(directory, name) : [name]
  })
}

const isWithin = (path: string, directory: string): boolean => path.startsWith(`${directory}${sep}`)
const hash = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')
