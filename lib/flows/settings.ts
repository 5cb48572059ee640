/** A spec and the configuration, put together: what a task is held to. */
import { Failure } from '../kit/errors.ts'
import { findCycle } from '../rules/capacity.ts'
import type { Settings } from '../state/schema/status.ts'
import type { Spec } from '../state/spec.ts'
import { checkId, listTasks } from '../state/tasks.ts'
import { resolveBase } from '../tools/git/refs.ts'
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
  const { front } = spec
  const { config } = context
  const change = front.change ?? 'branch'
  const needs = front.needs ?? []
  checkNeeds(context, id, needs)
  return {
    needs,
    verify: front.verify ?? (change === 'branch' ? config.verify : []),
    paths: front.paths ?? [],
    worker: front.worker ?? 'codex',
    model: front.model ?? config.model ?? null,
    effort: front.effort ?? config.effort ?? null,
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

function checkNeeds(context: Context, id: string, needs: readonly string[]): void {
  if (needs.length === 0) return
  for (const need of needs) checkId(need)
  const { tasks } = listTasks(context.paths)
  const known = new Map(tasks.map((task) => [task.id, task.status.settings.needs]))
  const cycle = findCycle(id, needs, (other) => known.get(other) ?? [])
  if (cycle) {
    throw new Failure('needs-cycle', `needs go round in a circle: ${cycle.join(' → ')}`, {
      hint: 'Take one of them out of the spec’s needs.',
    })
  }
  const stateOf = needStates(context, tasks)
  const unknown = needs.filter((need) => stateOf(need) === 'unknown')
  if (unknown.length === 0) return
  throw new Failure('needs-unknown', `needs ${unknown.join(', ')}: there is no such task`, {
    hint: 'Spawn what is needed first; see the ids: dirigent status --all',
    next: ['dirigent status --all'],
  })
}
