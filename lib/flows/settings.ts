/** A spec and the configuration, put together: what a task is held to. */
import { Failure } from '../kit/errors.ts'
import { findCycle } from '../rules/capacity.ts'
import type { Settings } from '../state/schema/status.ts'
import type { Spec } from '../state/spec.ts'
import { checkId, listTasks } from '../state/tasks.ts'
import { resolveBase } from '../tools/git/refs.ts'
import type { KindName } from '../tools/workers/kinds.ts'
import type { Context } from './context.ts'
import { needStates } from './needs.ts'

/**
 * What the task is held to. Changes nothing.
 * @param refs refs/heads and refs/remotes
 * Throws `base-…`, `needs-unknown`, `needs-cycle` or `bad-id`.
 */
export function settingsOf(
  context: Context,
  id: string,
  spec: Spec,
  refs: ReadonlyMap<string, string>,
): Settings {
  return settingsOfAll(context, [{ id, spec }], refs)[0] as Settings
}

export interface Named {
  readonly id: string
  readonly spec: Spec
}

/** Those of several tasks that are to be made together: they may need each other. */
export function settingsOfAll(
  context: Context,
  named: readonly Named[],
  refs: ReadonlyMap<string, string>,
): Settings[] {
  checkNeeds(context, new Map(named.map(({ id, spec }) => [id, spec.front.needs ?? []])))
  return named.map(({ spec }) => filledIn(context, spec, refs))
}

/** The spec of a planning task is a brief: what it asks of the change is for the tasks that come of it. */
export const toPlan = (settings: Settings): Settings => ({ ...settings, change: 'none', plan: true })

function filledIn(context: Context, { front }: Spec, refs: ReadonlyMap<string, string>): Settings {
  const { config } = context
  const change = front.change ?? 'branch'
  const worker = front.worker ?? config.worker
  return {
    needs: front.needs ?? [],
    verify: front.verify ?? (change === 'branch' ? config.verify : []),
    paths: front.paths ?? [],
    worker,
    ...wordsFor(context, worker, front),
    attempts: front.attempts ?? config.attempts,
    budget: {
      minutes: front.budget?.minutes ?? config.budget.minutes ?? null,
      tokens: front.budget?.tokens ?? config.budget.tokens ?? null,
    },
    priority: front.priority ?? 0,
    tags: front.tags ?? [],
    change,
    base: resolveBase(context.repo, front.base ?? config.base ?? null, refs),
    plan: false,
  }
}

/** What the worker's program is told beside its prompt; of the settings only what is for its kind: names of models are words of one kind. */
export function wordsFor(
  { config }: Context,
  worker: KindName,
  front: Pick<Spec['front'], 'model' | 'effort'>,
): Pick<Settings, 'model' | 'effort'> {
  const { model, effort } = worker === config.worker ? config : {}
  return { model: front.model ?? model ?? null, effort: front.effort ?? effort ?? null }
}

/** @param wanted task → what it is to need */
function checkNeeds(context: Context, wanted: ReadonlyMap<string, readonly string[]>): void {
  const needs = [...new Set([...wanted.values()].flat())]
  if (needs.length === 0) return
  for (const need of needs) checkId(need)
  const { tasks } = listTasks(context.paths)
  const known = new Map<string, readonly string[]>(tasks.map((task) => [task.id, task.status.settings.needs]))
  for (const [id, own] of wanted) {
    const cycle = findCycle(id, own, (other) => wanted.get(other) ?? known.get(other) ?? [])
    if (!cycle) continue
    throw new Failure('needs-cycle', `needs go round in a circle: ${cycle.join(' → ')}`, {
      hint: 'Take one of them out of the spec’s needs.',
    })
  }
  const stateOf = needStates(context, tasks)
  const unknown = needs.filter((need) => !wanted.has(need) && stateOf(need) === 'unknown')
  if (unknown.length === 0) return
  throw new Failure('needs-unknown', `needs ${unknown.join(', ')}: there is no such task`, {
    hint: 'Spawn what is needed first; see the ids: dirigent status --all',
    next: ['dirigent status --all'],
  })
}
