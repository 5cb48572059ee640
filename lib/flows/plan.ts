/** A plan as it stands in a planning task's report, made into specs with ids that are free. Changes nothing. */
import { Failure } from '../kit/errors.ts'
import { readBounded } from '../kit/read.ts'
import { findTask } from '../state/paths.ts'
import { type Planned, planLimit, plannedSpec, planTag, readPlan } from '../state/plan.ts'
import { reload, type Task } from '../state/tasks.ts'
import type { PlanView } from '../view/plan.ts'
import type { Context } from './context.ts'
import type { Named } from './settings.ts'

export interface Draft {
  /** One: it is to be the planning task's own spec. More: a task for each. */
  readonly several: boolean
  readonly tasks: readonly Named[]
  /** Ids that were taken: as the plan has them → as they are to be. */
  readonly renamed: ReadonlyMap<string, string>
}

/** As the report says it now: a person may have mended it. Throws `bad-spec`, or `corrupt-file`. */
export async function draftOf(context: Context, task: Task): Promise<Draft> {
  const bytes = readBounded(task.paths.report, planLimit + 1)
  if (bytes) return await draft(context, task, bytes.toString())
  throw new Failure('corrupt-file', `${task.paths.report} is gone`, {
    hint: `Have the plan made again: dirigent reject ${task.id} 'The report is gone.'`,
  })
}

/** For those who decide on it: also one that somebody has spoilt. */
export async function shownPlan(context: Context, task: Task): Promise<PlanView> {
  const { report } = task.paths
  try {
    const { tasks } = await draftOf(context, task)
    const shown = tasks.map(({ id, spec }) => ({ id, title: spec.title, front: spec.front }))
    return { tasks: shown, problem: null, report }
  } catch (error) {
    if (error instanceof Failure) return { tasks: [], problem: error.message, report }
    throw error
  }
}

export async function draft(context: Context, task: Task, report: string): Promise<Draft> {
  const own = task.status.settings
  const planned = await readPlan(report, own)
  const [only] = planned
  if (only && planned.length === 1) {
    const spec = await plannedSpec(own, only, { needs: only.front.needs ?? [], tags: [] })
    return { several: false, tasks: [{ id: task.id, spec }], renamed: new Map() }
  }
  const tag = planTag(task.id, task.status.attempt)
  const ids = chooseIds(context, task.id, tag, planned)
  const tasks: Named[] = []
  for (const one of planned) {
    const needs = (one.front.needs ?? []).map((need) => ids.get(need) ?? need)
    tasks.push({
      id: ids.get(one.id ?? '') ?? task.id,
      spec: await plannedSpec(own, one, { needs, tags: [tag] }),
    })
  }
  return { several: true, tasks, renamed: new Map([...ids].filter(([asked, id]) => asked !== id)) }
}

/**
 * As the plan names them; one that another task has gets the plan's id in front. The same answer every time: a task
 * with the tag was made of this very plan before.
 */
function chooseIds(
  context: Context,
  plan: string,
  tag: string,
  planned: readonly Planned[],
): ReadonlyMap<string, string> {
  const asked = planned.flatMap(({ id }) => id ?? [])
  const chosen = new Map<string, string>()
  const isFree = (id: string) =>
    ![...chosen.values()].includes(id) &&
    (!findTask(context.paths, id) || reload(context.paths, id)?.status.settings.tags.includes(tag) === true)
  for (const id of asked) {
    let free = id
    for (let n = 1; !isFree(free) || (free !== id && asked.includes(free)); n++)
      free = `${`${plan}-${id}`.slice(0, 58)}${n === 1 ? '' : `-${n}`}`
    chosen.set(id, free)
  }
  return chosen
}
