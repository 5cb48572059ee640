/**
 * Takes out of a repository what `init` put there, and says what stays: what somebody edited, and what tasks left,
 * because that is theirs. Refused while a task is live.
 */
import { renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { notWritable } from '../kit/disk.ts'
import { Failure } from '../kit/errors.ts'
import { isTemporaryName, removeIfEmpty, removeTree, temporaryName } from '../kit/files.ts'
import { isLocked } from '../kit/lock.ts'
import { lookAt, namesIn, readBounded } from '../kit/read.ts'
import { plural, withoutReturns } from '../kit/text.ts'
import { isEnded } from '../rules/lifecycle.ts'
import type { StatePaths } from '../state/paths.ts'
import { listTasks } from '../state/tasks.ts'
import { configTemplate, ignoreTemplate, readmeTemplate } from '../state/templates.ts'
import { disallow, removeEmptyProject, settingsPath, skillName, skillPath } from '../tools/claude/project.ts'
import { listRefs } from '../tools/git/refs.ts'
import { dropTargets } from '../tools/git/trusted.ts'
import { type Context, findRepository, openContext, trustRepository } from './context.ts'
import { orchestratorRules } from './init/permissions.ts'
import { putInto } from './init/record.ts'
import { afterwards, type Sharing, sharedBelow } from './init/sharing.ts'
import { removeSkill } from './init/skill.ts'
import { refuseWorker } from './own-task.ts'

export interface Uninstalled {
  readonly removed: readonly string[]
  /** Path → why it is still there. */
  readonly kept: ReadonlyMap<string, string>
  readonly sharing: Sharing
}

export async function uninstall(directory: string): Promise<Uninstalled> {
  const { repo, paths } = findRepository(directory)
  refuseWorker({ repo, paths }, 'init')
  const kept = new Map<string, string>()
  const settings = settingsPath(repo.main)
  const places = [paths.root, skillPath(repo.main, skillName), settings]
  let shared: ReadonlyMap<string, readonly string[]> = new Map()
  refuseReadOnly(repo.main)
  if (lookAt(paths.root)) {
    refuseReadOnly(paths.root)
    const context = await openContext(directory)
    await refuseLive(context)
    await trustRepository(context, () => false)
    const refs = await listRefs(context.repo, ['refs/dirigent/kept'])
    // They are in the repository, and often the only copy of somebody's work.
    if (refs.size > 0) kept.set('refs/dirigent/kept/', `${plural(refs.size, 'ref')} with work of tasks`)
    shared = await sharedBelow(repo, places)
  }
  // What was made for the rules is known as long as the skill is there.
  const rules = removeRules(repo.main, kept)
  const skill = removeSkill(repo.main)
  for (const [path, why] of skill.kept) kept.set(path, why)
  const removed = [...skill.removed, ...rules, ...removeEmptyProject(repo.main)]
  if (lookAt(paths.root)) removed.push(...removeState(paths, kept))
  dropTargets(repo.gitDir)
  return { removed, kept, sharing: afterwards(repo, shared, rules.length > 0 ? [settings] : []) }
}

/** Before anything is removed: what goes half is worse than what stays. */
function refuseReadOnly(directory: string): void {
  const why = notWritable(directory)
  if (why !== null)
    throw new Failure('state-read-only', `${directory} cannot be written: ${why}`, {
      hint: `Make the directory writable for this user: ${directory}`,
    })
}

function removeRules(main: string, kept: Map<string, string>): string[] {
  const path = settingsPath(main)
  const put = putInto(main)
  const { removed, theirs, problem } = disallow(main, orchestratorRules(), put.rules, put.settings)
  if (problem && lookAt(path)) kept.set(path, problem)
  if (theirs.length > 0) kept.set(path, `there before Dirigent: ${theirs.join(', ')}`)
  if (removed.length === 0) return []
  return [lookAt(path) ? `${plural(removed.length, 'rule')} in ${path}` : path]
}

async function refuseLive({ paths }: Context): Promise<void> {
  const { tasks, broken } = listTasks(paths)
  const live = [...tasks.filter(({ status }) => !isEnded(status)), ...broken].map(({ id }) => id)
  if (live.length > 0) {
    const named = `${live.slice(0, 5).join(', ')}${live.length > 5 ? ' …' : ''}`
    throw new Failure('tasks-live', `${plural(live.length, 'task')} not ended: ${named}`, {
      hint: 'Let them land, or cancel them: dirigent stop ID --cancel',
      next: ['dirigent status'],
    })
  }
  if (await isLocked(paths.supervisorLock))
    throw new Failure('lock-busy', 'the supervisor is at work here', {
      hint: 'It leaves when nothing is live: wait a moment, then repeat dirigent init --uninstall',
      next: ['dirigent init --uninstall'],
      retryable: true,
    })
}

function removeState(paths: StatePaths, kept: Map<string, string>): string[] {
  const removed: string[] = []
  const ours: readonly (readonly [string, string])[] = [
    [paths.readme, readmeTemplate],
    [paths.config, configTemplate],
  ]
  for (const [path, template] of ours) {
    const now = textOf(path)
    if (now === template) {
      rmSync(path)
      removed.push(path)
    } else if (now !== null) kept.set(path, 'somebody has edited it')
  }
  for (const path of [
    paths.configSchema,
    paths.locks,
    paths.trustedGit,
    paths.shims,
    paths.feed,
    paths.coolDown,
    paths.usage,
  ])
    if (lookAt(path)) {
      // Whole or gone: half of the view of git is none that the next command could read.
      const going = temporaryName(path)
      renameSync(path, going)
      removeTree(going)
      removed.push(path)
    }
  for (const path of [paths.tasks, paths.worktrees, paths.archive, paths.lessons, paths.templates]) {
    if (!lookAt(path)) continue
    if (removeIfEmpty(path)) removed.push(path)
    else kept.set(path, `it is not empty: ${namesIn(path).slice(0, 3).join(', ')}`)
  }
  // As long as anything stays, it keeps that out of the repository.
  for (const name of namesIn(paths.root).filter(isTemporaryName)) removeTree(join(paths.root, name))
  const alone = namesIn(paths.root).every((name) => name === basename(paths.ignore))
  if (alone && [ignoreTemplate, null].includes(textOf(paths.ignore))) {
    if (lookAt(paths.ignore)) removed.push(paths.ignore)
    removeTree(paths.root)
    removed.push(paths.root)
  } else if (lookAt(paths.ignore)) kept.set(paths.ignore, 'it keeps what stays out of the repository')
  return removed
}

/** Null for what is not there; a text that is no template of ours for what cannot be read. */
function textOf(path: string): string | null {
  try {
    return withoutReturns(readBounded(path, 1024 * 1024)) ?? null
  } catch (error) {
    if (error instanceof Failure) return ''
    throw error
  }
}
