/** What every check of `doctor` looks at, read once. Opening it changes nothing in the state directory. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeAside } from '../../kit/aside.ts'
import { Failure, reasonOf } from '../../kit/errors.ts'
import { removeTree } from '../../kit/files.ts'
import { useLocks } from '../../kit/lock.ts'
import type { Finding } from '../../rules/findings.ts'
import { readConfig } from '../../state/config.ts'
import { readRecord } from '../../state/record.ts'
import { type Config, config as configSchema } from '../../state/schema/config.ts'
import { lockFamily } from '../../state/schema/locks.ts'
import { type BrokenTask, listArchived, listTasks, type Task } from '../../state/tasks.ts'
import { ensureTrusted } from '../../tools/git/trusted.ts'
import { type Context, findRepository } from '../context.ts'
import type { Locks } from '../locks.ts'

/** Program → version; and which locks are used, and how much is kept. */
export type Versions = Record<string, string>

export interface Look {
  readonly context: Context
  readonly initialised: boolean
  /** Found on the way. */
  readonly findings: readonly Finding[]
  readonly live: readonly Task[]
  readonly archived: readonly Task[]
  readonly broken: readonly BrokenTask[]
  /** Filled in by the check that asks for them. */
  readonly versions: Versions
  /** The family of locks that is written down; null before the first verb. */
  readonly locks: Locks | null
  /** A directory for this look alone, outside the repository. */
  readonly aside: string
}

export async function openLook(directory: string, versions: Versions): Promise<Look> {
  const { repo, paths } = findRepository(directory)
  const findings: Finding[] = []
  const initialised = existsSync(paths.root)
  const aside = makeAside('dirigent-doctor')
  try {
    const config = initialised ? await readSettings(paths, findings) : defaults()
    const known = initialised ? recordedLocks(paths, findings) : null
    useLocks(paths.root, known?.family ?? 'flock')
    const trusted = existsSync(repo.trusted) ? repo.trusted : await viewAside(repo.gitDir, aside, findings)
    const live = attempt(findings, 'the live tasks', () => listTasks(paths))
    const ended = attempt(findings, 'the archive', () => listArchived(paths, Infinity))
    return {
      context: { repo: { ...repo, trusted }, paths, config },
      initialised,
      findings,
      live: live.tasks,
      archived: ended.tasks,
      broken: [...live.broken, ...ended.broken],
      versions,
      locks: known,
      aside,
    }
  } catch (error) {
    removeTree(aside)
    throw error
  }
}

export function closeLook(look: Look): void {
  removeTree(look.aside)
}

/** What is written down about the locks of the state directory; null when nothing is yet. */
function recordedLocks(paths: Context['paths'], findings: Finding[]) {
  try {
    return readRecord(paths.lockFamily, lockFamily) ?? null
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    findings.push({ code: 'record-unreadable', what: error.message, fix: error.hint })
    return null
  }
}

const defaults = (): Config => configSchema.parse({ version: 1 })

async function readSettings(paths: Context['paths'], findings: Finding[]): Promise<Config> {
  try {
    return await readConfig(paths)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    findings.push({ code: 'config-unreadable', what: error.message, fix: error.hint })
    return defaults()
  }
}

/** The view of the git directory is made by the first verb that needs git; a look makes one of its own. */
async function viewAside(gitDir: string, aside: string, findings: Finding[]): Promise<string> {
  const trusted = join(aside, 'view')
  try {
    await ensureTrusted(gitDir, trusted, 'a-person-said-so')
  } catch (error) {
    findings.push({ code: 'git-unusable', what: reasonOf(error), fix: 'Mend what the message names.' })
  }
  return trusted
}

type Listed = ReturnType<typeof listTasks>

function attempt(findings: Finding[], what: string, list: () => Listed): Listed {
  try {
    return list()
  } catch (error) {
    findings.push({
      code: 'check-broke',
      what: `${what} cannot be listed: ${reasonOf(error)}`,
      fix: 'Mend what the message names, then look again.',
    })
    return { tasks: [], broken: [] }
  }
}
