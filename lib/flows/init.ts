/** Sets a repository up. Idempotent: what is there already, edited or not, stays. */
import { existsSync } from 'node:fs'
import { Failure } from '../kit/errors.ts'
import { createFileOnce, makeDirectory, outOfTheWay, writeFileDurable } from '../kit/files.ts'
import { withLock } from '../kit/lock.ts'
import { tickets } from '../kit/queue.ts'
import { lookAt, readBounded } from '../kit/read.ts'
import { withoutReturns } from '../kit/text.ts'
import { isOwned } from '../rules/lifecycle.ts'
import { readConfig } from '../state/config.ts'
import { configSchemaText } from '../state/config-schema.ts'
import { lockFamilyPath, type StatePaths } from '../state/paths.ts'
import { listTasks } from '../state/tasks.ts'
import { configTemplate, ignoreTemplate, readmeTemplate } from '../state/templates.ts'
import { allow, type RulesWanted, settingsPath, wantRules } from '../tools/claude/project.ts'
import { lineDiff } from '../tools/git/line-diff.ts'
import { ensureTrusted } from '../tools/git/trusted.ts'
import { checkGit } from '../tools/git/version.ts'
import { queueOf } from './build-line.ts'
import { findRepository } from './context.ts'
import { orchestratorRules } from './init/permissions.ts'
import { putInto } from './init/record.ts'
import { type Sharing, sharingOf } from './init/sharing.ts'
import { installSkill, type SkillInstalled } from './init/skill.ts'
import { changeLocks, type Locks, openLocks, tryLocks } from './locks.ts'
import { refuseWorker } from './own-task.ts'

export interface Initialised {
  readonly root: string
  /** Files made now; empty when everything was there. */
  readonly made: readonly string[]
  readonly locks: Locks
  /** What an orchestrator reads. */
  readonly skill: Omit<SkillInstalled, 'kept'> & { readonly kept: readonly Kept[] }
  readonly permissions: Permissions
  readonly sharing: Sharing
}

/** What it may run without a prompt. */
export interface Permissions extends Pick<RulesWanted, 'against' | 'problem'> {
  readonly path: string
  /** Rules added now. */
  readonly rules: readonly string[]
  /** Rules of ours that somebody took out. */
  readonly absent: readonly string[]
  /** All that there should be. */
  readonly wanted: readonly string[]
}

/** A page that somebody edited: what taking ours instead would change in it. */
export interface Kept {
  readonly name: string
  readonly difference: string
}

export async function init(directory: string): Promise<Initialised> {
  const { repo, paths } = findRepository(directory)
  refuseWorker({ repo, paths }, 'init')
  await checkGit()
  const directories = [
    paths.tasks,
    paths.worktrees,
    paths.archive,
    paths.locks,
    paths.lessons,
    paths.templates,
  ]
  for (const path of directories) makeDirectory(path)
  const files: readonly (readonly [string, string])[] = [
    [paths.readme, readmeTemplate],
    [paths.config, configTemplate],
    [paths.ignore, ignoreTemplate],
  ]
  const made = files
    .filter(([path, content]) => !existsSync(path) && createFileOnce(path, content))
    .map(([path]) => path)
  if (refresh(paths.configSchema, configSchemaText())) made.push(paths.configSchema)
  const locks = await proveLocks(paths)
  // Locks must work here, and the configuration must be readable, before anything depends on them.
  await withLock(paths.dispatchLock, 10_000, async () => {
    await ensureTrusted(repo.gitDir, paths.trustedGit, 'a-person-said-so')
  })
  const config = await readConfig(paths)
  await proveQueueLocks(queueOf({ repo, paths, config }))
  const rules = orchestratorRules()
  const put = putInto(repo.main)
  const wanted = wantRules(repo.main, rules, put.rules)
  // First what will have been put there: killed in between, it is known all the same.
  const skill = installSkill(repo.main, { settings: wanted.make ?? put.settings, rules: wanted.put })
  const kept: Kept[] = []
  for (const { name, theirs, ours } of skill.kept)
    kept.push({ name, difference: theirs ? await lineDiff(repo, paths.locks, theirs, ours) : '' })
  allow(repo.main, wanted)
  const { add, takenOut, against, problem } = wanted
  const path = settingsPath(repo.main)
  const permissions = { path, rules: add, absent: takenOut, against, problem, wanted: rules }
  const shared = [skill, permissions].filter(({ problem }) => problem === null)
  const sharing = await sharingOf(repo, [paths.root, ...shared.map(({ path }) => path)])
  return { root: paths.root, made, locks, skill: { ...skill, kept }, permissions, sharing }
}

/** Ours alone, so a newer one replaces it whatever is there. True when that was another. */
function refresh(path: string, text: string): boolean {
  const there = lookAt(path)
  if (there?.isFile() && withoutReturns(readBounded(path, 1024 * 1024)) === text) return false
  if (there && !there.isFile()) outOfTheWay(path)
  writeFileDurable(path, text)
  return true
}

/** Tried anew each time: the file system may be another one, and flock(1) may have been installed meanwhile. */
async function proveLocks(paths: StatePaths): Promise<Locks> {
  const known = await openLocks(paths.lockFamily, paths.root)
  const found = await tryLocks(paths.lockFamily)
  if (found.family === known.family) return found
  const underWay = listTasks(paths).tasks.find((task) => isOwned(task.status))
  if (underWay) {
    const why = found.why ?? 'flock works here now'
    throw new Failure('lock-busy', `${underWay.id} is under way with locks of ${known.family}, yet ${why}`, {
      hint: 'Let what is under way end, then repeat: dirigent wait --until settled && dirigent init',
      retryable: true,
    })
  }
  changeLocks(paths.lockFamily, paths.root, found)
  return found
}

/** The line for builds is shared with other repositories: its locks are changed only while nobody is in it. */
async function proveQueueLocks(directory: string): Promise<void> {
  const record = lockFamilyPath(directory)
  if (!existsSync(record)) return
  const known = await openLocks(record)
  const found = await tryLocks(record)
  if (found.family !== known.family && tickets(directory).length === 0) changeLocks(record, directory, found)
}
