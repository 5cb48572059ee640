/** Creates a task from a spec and starts it. Everything is checked before anything is made. */

import { diskTrouble } from '../kit/disk.ts'
import { Failure } from '../kit/errors.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { newStatus } from '../state/new-status.ts'
import { idFrom, type Spec } from '../state/spec.ts'
import { checkId, createTask, reload, type Task } from '../state/tasks.ts'
import { branches } from '../tools/git/refs.ts'
import { branchTaken } from '../tools/git/worktrees.ts'
import type { KindName } from '../tools/workers/kinds.ts'
import { branchOf, type Context, now, trustRepository } from './context.ts'
import { dispatch } from './dispatch.ts'
import { settingsOf, toPlan } from './settings.ts'
import { areWorkersAbout, observe } from './settle.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { checkTexts } from './texts.ts'
import { kindOf } from './worker.ts'

export interface Spawned {
  readonly task: Task
  /** False when the same task with the same spec was there already. */
  readonly created: boolean
  /** Why it does not run yet, when it does not. */
  readonly blocked: string | null
}

/**
 * @param wanted the id, or null to make one from the title
 * @param read gives the spec
 * @param plan the spec is a brief: the worker is to write the spec
 */
export async function spawn(
  context: Context,
  wanted: string | null,
  read: () => Promise<Spec>,
  plan = false,
): Promise<Spawned> {
  if (wanted !== null) checkId(wanted)
  await trustRepository(context, async () => areWorkersAbout(await observe(context)))
  // git runs while the spec is read and parsed.
  const [refs, spec] = await Promise.all([branches(context.repo), read()])
  const known = existing(context, wanted ?? idFrom(spec.title), spec, wanted !== null, plan)
  if (known) return { task: known, created: false, blocked: null }
  checkWorker(context, [spec.front.worker])
  checkTexts(context)
  const id = wanted ?? freeId(context, idFrom(spec.title) || 'task')
  const asked = settingsOf(context, id, spec, refs)
  const settings = plan ? toPlan(asked) : asked
  checkBranch(context, id, refs)
  const status = newStatus({ id, title: spec.title, settings, spec_sha256: spec.sha256, created: now() })
  if (!createTask(context.paths, status, spec.text))
    return await spawnedMeanwhile(context, wanted, id, spec, plan)
  const task: Task = { id, paths: context.paths.task(id), status }
  const blocked = (await start(context, [id])).get(id) ?? null
  await ensureSupervisor(context)
  return { task: reload(context.paths, id) ?? task, created: true, blocked }
}

/** The tasks exist now: what keeps one from starting is its state, not a refusal. Gives why, of those that wait. */
export async function start(context: Context, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  try {
    return (await dispatch(context)).blocked
  } catch (error) {
    const trouble = diskTrouble(error)
    const busy = error instanceof Failure && ['state-read-only', 'lock-busy'].includes(error.code)
    const known = trouble ?? (busy ? error : null)
    if (!known) throw error
    return new Map(ids.map((id) => [id, `${known.message}; ${known.hint}`]))
  }
}

/** Somebody else took the id between our look and our rename. */
async function spawnedMeanwhile(
  context: Context,
  wanted: string | null,
  id: string,
  spec: Spec,
  plan: boolean,
): Promise<Spawned> {
  if (wanted === null) return await spawn(context, null, async () => spec, plan)
  const task = existing(context, id, spec, true, plan)
  if (task) return { task, created: false, blocked: null }
  throw taken(id, false)
}

/** The task of this id when it has this very spec; another spec under a wanted id is refused. */
export function existing(
  context: Context,
  id: string,
  spec: Spec,
  isWanted: boolean,
  plan = false,
): Task | null {
  if (id === '') return null
  const task = reload(context.paths, id)
  if (!task) return null
  if (task.status.spec_sha256 === spec.sha256 && task.status.settings.plan === plan) return task
  if (isWanted) throw taken(id, isEnded(task.status))
  return null
}

function taken(id: string, ended: boolean): Failure {
  return new Failure('id-taken', `There is a task ${id} already, with another spec`, {
    hint: ended
      ? 'It has ended; choose another id.'
      : `Refine that one: dirigent respawn ${id} --spec FILE. Or choose another id.`,
    next: [`dirigent status ${id}`],
  })
}

/** `add-login`, `add-login-2`, … */
function freeId(context: Context, stem: string): string {
  for (let n = 1; ; n++) {
    const id = n === 1 ? stem : `${stem}-${n}`
    if (!reload(context.paths, id)) return id
  }
}

/**
 * Before anything is created: a task that cannot start would only fail later.
 * @param kinds as specs name them
 */
export function checkWorker(context: Context, kinds: readonly (KindName | undefined)[]): void {
  for (const name of new Set(kinds.map((kind) => kind ?? context.config.worker))) {
    const kind = kindOf(context, name)
    kind.find()
    const problem = kind.loginProblem()
    if (problem) throw new Failure('worker-not-logged-in', problem, { hint: 'Then repeat the command.' })
  }
}

/** Neither the task's branch nor one that would be its folder may be there. */
export function checkBranch(context: Context, id: string, refs: ReadonlyMap<string, string>): void {
  const branch = branchOf(id)
  const full = `refs/heads/${branch}`
  if (refs.has('refs/heads/dirigent')) throw branchTaken(context.repo, 'dirigent')
  if ([...refs.keys()].some((name) => name === full || name.startsWith(`${full}/`)))
    throw branchTaken(context.repo, branch)
}
