/**
 * Makes several tasks together. All are checked before any is made. Each is made at once or not at all; when that is
 * cut short in between, the same call makes the rest: a task with this id and this very spec is known.
 */
import { newStatus } from '../state/new-status.ts'
import type { Settings } from '../state/schema/status.ts'
import { createTask, reload, type Task } from '../state/tasks.ts'
import { branches } from '../tools/git/refs.ts'
import { type Context, now, trustRepository } from './context.ts'
import type { Draft } from './plan.ts'
import { type Named, settingsOf, settingsOfAll } from './settings.ts'
import { areWorkersAbout, observe } from './settle.ts'
import { checkBranch, checkWorker, existing, type Spawned, start } from './spawn.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { checkTexts } from './texts.ts'

/** @param read gives the ids and specs */
export async function spawnSeveral(context: Context, read: () => Promise<Named[]>): Promise<Spawned[]> {
  await trustRepository(context, async () => areWorkersAbout(await observe(context)))
  const [refs, named] = await Promise.all([branches(context.repo), read()])
  checkWorker(
    context,
    named.map(({ spec }) => spec.front.worker),
  )
  checkTexts(context)
  const spawned = await startSeveral(context, makeSeveral(context, checkSeveral(context, named, refs)))
  await ensureSupervisor(context)
  return spawned
}

export interface Prepared extends Named {
  readonly settings: Settings
  /** The same task, which was made before. */
  readonly known: Task | null
}

/** Changes nothing. Throws `id-taken`, `needs-…`, `base-…` or `branch-taken`. */
function checkSeveral(
  context: Context,
  named: readonly Named[],
  refs: ReadonlyMap<string, string>,
): Prepared[] {
  const known = named.map(({ id, spec }) => existing(context, id, spec, true))
  const settings = settingsOfAll(context, named, refs)
  const prepared: Prepared[] = []
  for (const [n, one] of named.entries()) {
    if (!known[n]) checkBranch(context, one.id, refs)
    prepared.push({ ...one, settings: settings[n] as Settings, known: known[n] ?? null })
  }
  return prepared
}

/** Whether tasks could be made of it now; throws why not. */
export function checkDraft(
  context: Context,
  task: Task,
  { several, tasks }: Draft,
  refs: ReadonlyMap<string, string>,
): Prepared[] {
  if (several) return checkSeveral(context, tasks, refs)
  return tasks.map(({ spec }) => {
    const settings = settingsOf(context, task.id, spec, refs)
    return { id: task.id, spec, settings, known: null }
  })
}

export type Made = Omit<Spawned, 'blocked'>

/** In their own order. What others need is made first: a task never looks for one that is not there yet. */
export function makeSeveral(context: Context, prepared: readonly Prepared[]): Made[] {
  const made = new Map<string, Made>()
  for (const one of neededFirst(prepared)) made.set(one.id, make(context, one))
  return prepared.flatMap(({ id }) => made.get(id) ?? [])
}

export async function startSeveral(context: Context, made: readonly Made[]): Promise<Spawned[]> {
  const ids = made.map(({ task }) => task.id)
  const blocked = await start(context, ids)
  return made.map(({ task, created }) => ({
    task: reload(context.paths, task.id) ?? task,
    created,
    blocked: blocked.get(task.id) ?? null,
  }))
}

function make(context: Context, { id, spec, settings, known }: Prepared): Made {
  if (known) return { task: known, created: false }
  const status = newStatus({ id, title: spec.title, settings, spec_sha256: spec.sha256, created: now() })
  if (createTask(context.paths, status, spec.text))
    return { task: { id, paths: context.paths.task(id), status }, created: true }
  // Somebody else has made one of this id since we looked; throws when it is another.
  const task = existing(context, id, spec, true)
  if (task) return { task, created: false }
  return make(context, { id, spec, settings, known })
}

/** There are no circles among them. */
function neededFirst(prepared: readonly Prepared[]): Prepared[] {
  const sorted: Prepared[] = []
  const left = [...prepared]
  while (left.length > 0) {
    const free = left.findIndex(({ settings }) => !left.some(({ id }) => settings.needs.includes(id)))
    sorted.push(...left.splice(Math.max(0, free), 1))
  }
  return sorted
}
