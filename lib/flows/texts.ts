/**
 * Where the texts come from that workers are told: the repository's own copy in the main checkout, which people edit
 * and commit, else what came with us. Read when they are told, so an edit counts at once.
 *
 * Who types a verb is told of an edit that cannot be used (`bad-prompt`). What runs with nobody there goes on with our
 * own text instead, and says so.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno, Failure } from '../kit/errors.ts'
import { packageRoot } from '../kit/package.ts'
import { whenSavedSync } from '../kit/patience.ts'
import { namesIn, readBounded } from '../kit/read.ts'
import { plural } from '../kit/text.ts'
import { flawOf, mostOf, placeholdersOf, type Say, sayer, type TextName, textNames } from '../rules/texts.ts'
import { mainOf } from '../state/paths.ts'
import type { Task } from '../state/tasks.ts'
import { skillName, skillPath } from '../tools/claude/project.ts'
import { flag } from './advance.ts'
import type { Context } from './context.ts'

/** Throws `bad-prompt` for one that is asked for and cannot be told. */
export const textsOf = (context: Context): Say =>
  sayer((name) => own(context.repo.main, name, mostBytes(context)) ?? packaged(name))

/** For what runs with nobody there: of one that cannot be told `flagTexts` speaks. */
export const textsAnyway = (context: Context): Say => anyway(context.repo.main, mostBytes(context))

/** The same for a hook, which knows its task's directory and no settings: it tells none of those that they bound. */
export const textsForHook = (task: string): Say => anyway(mainOf(task), 0)

const anyway = (main: string, maxBytes: number): Say =>
  sayer((name) => {
    try {
      const text = own(main, name, maxBytes)
      if (text !== null) return text
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
    // Where the repository's are ours (a link), this is what was wrong just now.
    return packaged(name)
  })

/** What is wrong with the repository's own, one for each text. */
export function troublesIn(context: Context): Failure[] {
  return textNames.flatMap((name) => {
    try {
      own(context.repo.main, name, mostBytes(context))
      return []
    } catch (error) {
      if (error instanceof Failure) return [error]
      throw error
    }
  })
}

/** Before work is begun by hand: throws the first of them. */
export function checkTexts(context: Context): void {
  const [first] = troublesIn(context)
  if (first) throw first
}

/** Says at a task that goes on what its workers are not told. */
export function flagTexts(context: Context, task: Task): Task {
  const [first, ...others] = troublesIn(context)
  if (!first) return task
  const more = others.length > 0 ? ` (and ${plural(others.length, 'other text')}: dirigent doctor)` : ''
  return flag(context, task, `${first.message}; our own text is told instead${more}`)
}

/** Files beside them that nobody is told. */
export function strangersIn(main: string): string[] {
  const directory = dirname(ownPath(main, 'worker'))
  const known = ['README.md', ...textNames.map((name) => `${name}.md`)]
  return namesIn(directory)
    .filter((name) => name.endsWith('.md') && !known.includes(name))
    .map((name) => join(directory, name))
}

const mostBytes = ({ config }: Context): number => config.prompt.max_bytes

const folder = 'prompts'

const ownPath = (main: string, name: TextName): string =>
  join(skillPath(main, skillName), folder, `${name}.md`)

const packaged = (name: TextName): string =>
  readFileSync(join(packageRoot(), 'skill', folder, `${name}.md`), 'utf8')

/** Null when there is none. An editor that saves it just now is waited for. */
function own(main: string, name: TextName, maxBytes: number): string | null {
  const path = ownPath(main, name)
  return whenSavedSync(path, () => readOnce(path, name, mostOf(name, maxBytes))) ?? null
}

/** Bytes that are read before it is said how many are too many. */
const mostRead = 2 * 1024 * 1024

function readOnce(path: string, name: TextName, limit: number): string | undefined {
  const bytes = bytesOf(path, name)
  if (bytes === undefined) return undefined
  const text = decoded(bytes)
  const flaw = text === null ? { line: 1, what: 'it is not UTF-8' } : flawOf(name, text, limit)
  if (flaw) throw bad(name, `${path}:${flaw.line}: ${flaw.what}`)
  return text ?? undefined
}

function bytesOf(path: string, name: TextName): Buffer | undefined {
  try {
    return readBounded(path, mostRead)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    // Something else of that name stands where a directory would be.
    if (errno(error.cause) === 'ENOTDIR') return undefined
    throw bad(name, error.message)
  }
}

function decoded(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

const bad = (name: TextName, message: string): Failure =>
  new Failure('bad-prompt', message, {
    hint: `${placeholdersOf(name)} Mend it, or delete the file: then our own text is told.`,
    next: ['dirigent doctor'],
  })
