/**
 * `.installed.json` in a copy of the skill: what Dirigent has put into a repository, so that it is known from what is
 * somebody's own. It comes with the repository, so it is data: of what it names elsewhere nothing is believed.
 */
import { join, sep } from 'node:path'
import * as z from 'zod/mini'
import { Failure } from '../../kit/errors.ts'
import { writeFileDurable } from '../../kit/files.ts'
import { packageVersion } from '../../kit/package.ts'
import { readBounded } from '../../kit/read.ts'
import { withoutReturns } from '../../kit/text.ts'
import {
  type PlaceMade,
  placesMade,
  projectProblem,
  skillName,
  skillPath,
} from '../../tools/claude/project.ts'

const record = z.object({
  version: z.literal(1),
  // As a version is written, since it is printed: of another text nothing is said.
  dirigent: z.catch(z.optional(z.string().check(z.regex(/^\d[\w.+-]{0,40}$/))), undefined),
  files: z.record(z.string(), z.string()),
  settings: z.optional(z.enum(placesMade)),
  rules: z.optional(z.array(z.string())),
})

export interface Put {
  /** The version of Dirigent that put it there; null where that was not written down. */
  readonly by: string | null
  /** Of each page what it was, by name. */
  readonly files: Readonly<Record<string, string>>
  /** What was made for our rules. */
  readonly settings: PlaceMade | null
  /** The rules that we added; null where an earlier version did not write that down. */
  readonly rules: readonly string[] | null
}

export const recordName = '.installed.json'
const limit = 1024 * 1024
/** Names that a page of ours may have, in this version or in another: no file system refuses one. */
const pageName = /^[\w.-]{1,80}(?:\/[\w.-]{1,80}){0,3}$/
const nothing: Put = { by: null, files: {}, settings: null, rules: [] }

/** What was put into the repository; nothing where it does not say, or a link leads out of it. */
export const putInto = (main: string): Put =>
  projectProblem(main) === null ? readPut(skillPath(main, skillName)) : nothing

/** @param path of the copy. Of one that cannot be read nothing is known: then everything there counts as edited. */
export function readPut(path: string): Put {
  try {
    const bytes = readBounded(join(path, recordName), limit)
    const known = bytes ? record.safeParse(JSON.parse(bytes.toString())).data : undefined
    if (!known) return nothing
    const files = Object.entries(known.files).filter(
      ([name]) => pageName.test(name) && join(path, name).startsWith(`${path}${sep}`),
    )
    return {
      by: known.dirigent ?? null,
      files: Object.fromEntries(files),
      settings: known.settings ?? null,
      rules: known.rules ?? null,
    }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return nothing
    throw error
  }
}

/** Nothing is written where it says so already. */
export function writePut(path: string, { files, settings, rules }: Omit<Put, 'by'>): void {
  const now = {
    version: 1,
    dirigent: packageVersion(),
    files,
    ...(settings ? { settings } : {}),
    ...(rules ? { rules } : {}),
  }
  const text = `${JSON.stringify(now, null, 2)}\n`
  const there = lookAtText(join(path, recordName))
  if (there !== text) writeFileDurable(join(path, recordName), text)
}

function lookAtText(path: string): string | undefined {
  try {
    return withoutReturns(readBounded(path, limit))
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** Was it a later version than this one? Then what it put there is not ours to replace. */
export function isNewer({ by }: Put): boolean {
  const [theirs, ours] = [by ?? '', packageVersion()].map((version) => version.split('.').map(Number))
  for (const [place, number] of (theirs ?? []).entries()) {
    const here = ours?.[place] ?? 0
    if (number !== here) return number > here
  }
  return false
}
