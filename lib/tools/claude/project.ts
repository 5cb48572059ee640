/**
 * What Claude Code reads in a project: its skills, and the commands that may run without a prompt. The settings are
 * the person's file: only rules are added to its list, or taken out again, and what cannot be read is left alone.
 */
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { makeDirectory, writeFileDurable } from '../../kit/files.ts'
import { readBounded } from '../../kit/read.ts'

export const skillPath = (main: string, name: string): string => join(main, '.claude', 'skills', name)
export const settingsPath = (main: string): string => join(main, '.claude', 'settings.json')

/** Lets a command run with any further words. */
export const mayRun = (command: string): string => `Bash(${command}:*)`

/** Lets a skill be used. */
export const mayUse = (skill: string): string => `Skill(${skill})`

export interface RulesChanged {
  readonly path: string
  readonly rules: readonly string[]
  /** Why nothing was changed; null when it was, or nothing had to be. */
  readonly problem: string | null
}

/** Adds those that are missing; makes the file when there is none. */
export function allow(main: string, rules: readonly string[]): RulesChanged {
  return change(main, (now) => {
    const missing = rules.filter((rule) => !now.includes(rule))
    return { rules: missing, after: [...now, ...missing] }
  })
}

/** Takes those out that are there; a file that held nothing else goes. */
export function disallow(main: string, rules: readonly string[]): RulesChanged {
  return change(main, (now) => ({
    rules: now.filter((rule) => rules.includes(rule)),
    after: now.filter((rule) => !rules.includes(rule)),
  }))
}

type Json = Readonly<Record<string, unknown>>

function change(
  main: string,
  decide: (now: readonly string[]) => {
    readonly rules: readonly string[]
    readonly after: readonly string[]
  },
): RulesChanged {
  const path = settingsPath(main)
  const settings = readSettings(path)
  if (typeof settings === 'string') return { path, rules: [], problem: settings }
  const permissions = settings.permissions ?? {}
  const now = isTable(permissions) ? (permissions.allow ?? []) : null
  if (!isTable(permissions) || !isTexts(now))
    return { path, rules: [], problem: 'its permissions.allow is not a list of rules' }
  const { rules, after } = decide(now)
  if (rules.length === 0) return { path, rules, problem: null }
  if (after.length === 0 && Object.keys(settings).length === 1 && Object.keys(permissions).length === 1) {
    rmSync(path)
    return { path, rules, problem: null }
  }
  makeDirectory(dirname(path))
  const changed = { ...settings, permissions: { ...permissions, allow: after } }
  writeFileDurable(path, `${JSON.stringify(changed, null, 2)}\n`)
  return { path, rules, problem: null }
}

/** Or why it cannot be read. */
function readSettings(path: string): Json | string {
  try {
    const bytes = readBounded(path, 1024 * 1024)
    const settings: unknown = bytes ? JSON.parse(bytes.toString()) : {}
    return isTable(settings) ? settings : 'it is not a JSON object'
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return error.message
    throw error
  }
}

const isTable = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
