/**
 * What Claude Code reads in a project: its skills, and the commands that may run without a prompt. The settings are
 * the person's file: only rules are added to its list, or taken out again, to the byte, and what cannot be read is
 * left alone.
 */
import { realpathSync, rmSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { notWritable } from '../../kit/disk.ts'
import { Failure } from '../../kit/errors.ts'
import { isDirectory, makeDirectory, removeIfEmpty, writeFileDurable } from '../../kit/files.ts'
import { addTexts, takeMember, takeTexts } from '../../kit/json-text.ts'
import { litterIn, removeLitter } from '../../kit/litter.ts'
import { lookAt, readBounded } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'

/** Ours, as it is named there. */
export const skillName = 'dirigent'

const directory = (main: string): string => join(main, '.claude')
const skillsDirectory = (main: string): string => join(directory(main), 'skills')
export const skillPath = (main: string, name: string): string => join(skillsDirectory(main), name)
export const settingsPath = (main: string): string => join(directory(main), 'settings.json')
const localSettingsPath = (main: string): string => join(directory(main), 'settings.local.json')

/** Lets a command run with any further words. */
export const mayRun = (command: string): string => `Bash(${command}:*)`

/** Lets a command run as it is. */
export const mayRunJust = (command: string): string => `Bash(${command})`

/** Lets a skill be used. */
export const mayUse = (skill: string): string => `Skill(${skill})`

/**
 * Why nothing may be written below `.claude/`, or null. A link in a clone may lead to the settings of the person, who
 * would let every project do what was meant for one.
 */
export function projectProblem(main: string): string | null {
  for (const path of [directory(main), skillsDirectory(main)]) {
    if (!lookAt(path)) continue
    if (!isDirectory(path)) return `${path} is no directory`
    const real = realpathSync(path)
    if (!real.startsWith(`${realpathSync(main)}${sep}`))
      return `${path} leads out of the repository, to ${oneLine(real, 200)}`
  }
  return null
}

/** Takes out the directories that hold nothing; gives those that are gone. */
export function removeEmptyProject(main: string): string[] {
  const directories = [skillsDirectory(main), directory(main)]
  for (const path of directories) removeLitter(litterIn(path))
  return directories.filter((path) => lookAt(path)?.isDirectory() && removeIfEmpty(path))
}

/** What had to be made so that the rules have a place: the file, a key in it, or nothing. */
export const placesMade = ['file', 'permissions', 'allow', 'nothing'] as const
export type PlaceMade = (typeof placesMade)[number]

/** What adding rules comes to: so that it can be written down before it is done. */
export interface RulesWanted {
  /** Those that are missing. */
  readonly add: readonly string[]
  /** Those of ours that somebody took out since: they stay out. */
  readonly takenOut: readonly string[]
  /** All that we have added, now or before. */
  readonly put: readonly string[]
  /** What has to be made first; null where nothing has, or rules of ours are there: then it was made before. */
  readonly make: PlaceMade | null
  /** Rules of the person that forbid, or ask about, what ours allow: they count more. */
  readonly against: readonly string[]
  /** Why nothing can be changed; null when it can. */
  readonly problem: string | null
}

/** @param before those that we had added; null where that is not known: then all that are there count as added */
export function wantRules(
  main: string,
  rules: readonly string[],
  before: readonly string[] | null,
): RulesWanted {
  const found = readRules(main)
  const nothing = { add: [], takenOut: [], put: before ?? [], make: null, against: [] }
  if (typeof found === 'string') return { ...nothing, problem: found }
  const there = rules.filter((rule) => found.rules.includes(rule))
  const missing = rules.filter((rule) => !there.includes(rule))
  const known = added(before, there, rules)
  const ours = there.filter((rule) => known.includes(rule))
  // Where none is left the file is another one, or nobody has been asked here yet.
  const takenOut = ours.length > 0 ? missing.filter((rule) => known.includes(rule)) : []
  const add = missing.filter((rule) => !takenOut.includes(rule))
  return {
    add,
    takenOut,
    put: [...new Set([...known, ...add])],
    make: ours.length > 0 ? null : found.missing,
    against: [...found.against, ...againstIn(localSettingsPath(main))].filter((rule) =>
      counters(rule, rules),
    ),
    problem: null,
  }
}

/** All of them and none written down: the copy was thrown away, and what was written in it. */
function added(
  before: readonly string[] | null,
  there: readonly string[],
  rules: readonly string[],
): readonly string[] {
  return before === null || (before.length === 0 && there.length === rules.length) ? there : before
}

/** Adds what is wanted; makes the file when there is none. */
export function allow(main: string, { add }: RulesWanted): void {
  const found = readRules(main)
  if (typeof found === 'string' || add.length === 0) return
  const path = settingsPath(main)
  makeDirectory(dirname(path))
  removeLitter(litterIn(dirname(path)))
  write(path, addTexts(found.text ?? '{}\n', keys, add))
}

/** Does a rule speak of what one of ours allows, or of every command? */
function counters(rule: string, ours: readonly string[]): boolean {
  if (/^(?:Bash|Skill)(?:\((?:\*|:\*)?\))?$/.test(rule)) return true
  return isAbout(rule, ours)
}

/** Of our command or skill, and not of another that begins with its name. */
const isAbout = (rule: string, ours: readonly string[]): boolean =>
  ours.some((one) => {
    const name = one.replace(/[ :)].*/, '')
    return rule.startsWith(name) && /^[ :)*]/.test(rule.slice(name.length))
  })

/** What the person forbids, or is asked about, in the settings that are theirs alone. Where they cannot be read: nothing. */
function againstIn(path: string): readonly string[] {
  try {
    const settings: unknown = parse(readBounded(path, 1024 * 1024)?.toString() ?? '{}')
    return isTable(settings) && isTable(settings.permissions) ? refusals(settings.permissions) : []
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return []
    throw error
  }
}

const refusals = ({ deny, ask }: Json): string[] => [deny, ask].flatMap((list) => (isTexts(list) ? list : []))

export interface RulesRemoved {
  readonly removed: readonly string[]
  /** Rules like ours that were there before. */
  readonly theirs: readonly string[]
  readonly problem: string | null
}

/**
 * Takes out those of ours that are there, and what had been made for them when it holds nothing else.
 * @param put those that we added; null when that is not known: then all of them
 * @param made null when that is not known: then a file goes that held nothing but our rules
 */
export function disallow(
  main: string,
  rules: readonly string[],
  put: readonly string[] | null,
  made: PlaceMade | null,
): RulesRemoved {
  const path = settingsPath(main)
  const found = readRules(main)
  if (typeof found === 'string') return { removed: [], theirs: [], problem: found }
  const there = rules.filter((rule) => found.rules.includes(rule))
  const known = added(put, there, rules)
  // What was written down comes with the repository: of other commands nothing is believed.
  const ours = found.rules.filter((rule) => known.includes(rule) && isAbout(rule, rules))
  const theirs = there.filter((rule) => !ours.includes(rule))
  if (ours.length > 0 && found.text !== null) {
    const left = takeTexts(found.text, keys, ours)
    const bare = withoutEmpty(left, made ?? 'file')
    if (Object.keys(parse(bare)).length === 0 && (made ?? 'file') === 'file') rmSync(path)
    else write(path, made === null ? left : bare)
  }
  return { removed: ours, theirs, problem: null }
}

const keys = ['permissions', 'allow']

/** Without the places that were made, from the inmost on, as long as they hold nothing. */
function withoutEmpty(json: string, made: PlaceMade): string {
  const { permissions } = parse(json)
  if (made === 'nothing' || !isTable(permissions) || !isTexts(permissions.allow)) return json
  if (permissions.allow.length > 0) return json
  const alone = made !== 'allow' && Object.keys(permissions).length === 1
  return takeMember(json, alone ? keys.slice(0, 1) : keys)
}

type Json = Readonly<Record<string, unknown>>

interface Found {
  /** Null when there is no file. */
  readonly text: string | null
  readonly rules: readonly string[]
  readonly against: readonly string[]
  readonly missing: PlaceMade
}

/** Or why it cannot be read, or must not be written. */
function readRules(main: string): Found | string {
  const path = settingsPath(main)
  const problem = projectProblem(main)
  if (problem !== null) return problem
  const closed = lookAt(directory(main)) ? notWritable(directory(main)) : null
  if (closed !== null) return `${directory(main)} cannot be written: ${closed}`
  try {
    const bytes = readBounded(path, 1024 * 1024)
    if (!bytes) return { text: null, rules: [], against: [], missing: 'file' }
    const text = bytes.toString()
    // Written again it would be another.
    if (!Buffer.from(text).equals(bytes)) return 'it is not UTF-8'
    if (((lookAt(path)?.mode ?? 0) & 0o200) === 0) return 'it is write-protected'
    const settings: unknown = parse(text)
    if (!isTable(settings)) return 'it is not a JSON object'
    const { permissions = {} } = settings
    if (!isTable(permissions)) return 'its permissions are not an object'
    const { allow: rules = [] } = permissions
    if (!isTexts(rules)) return 'its permissions.allow is not a list of rules'
    const missing = settings.permissions ? (permissions.allow ? 'nothing' : 'allow') : 'permissions'
    return { text, rules, against: refusals(permissions), missing }
  } catch (error) {
    if (error instanceof SyntaxError) return `it is not JSON: ${oneLine(error.message, 120)}`
    if (error instanceof Failure) return error.message
    throw error
  }
}

/** Claude Code reads past the mark that some editors put first. */
const parse = (text: string) => JSON.parse(text.replace(/^\ufeff/, ''))

/** Who may read it stays as it was: tokens may stand in it. */
function write(path: string, text: string): void {
  const mode = lookAt(path)?.mode
  writeFileDurable(path, text, { durable: true, ...(mode === undefined ? {} : { mode: mode & 0o777 }) })
}

const isTable = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
