/**
 * The review gate. A change that is accepted lands. A plan becomes the spec of its own task, which begins then, or
 * several tasks, and its own is done. Cut short in between, the same command does the rest.
 */
import { Failure } from '../kit/errors.ts'
import { oneLine, plural } from '../kit/text.ts'
import { nextFor } from '../rules/attention.ts'
import { putCheckpointAway } from '../state/checkpoints.ts'
import { refineSpec } from '../state/refine.ts'
import type { Settings, Status } from '../state/schema/status.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import { branches } from '../tools/git/refs.ts'
import { advance, trail } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { landByHand } from './land-by-hand.ts'
import { draftOf } from './plan.ts'
import { cleanUp, dropWorktree } from './runner/clean-up.ts'
import { clearStop } from './runner/interrupt.ts'
import { areWorkersAbout, settle } from './settle.ts'
import { checkDraft, type Made, makeSeveral, type Prepared, startSeveral } from './several.ts'
import { checkWorker, type Spawned } from './spawn.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { withTask } from './take.ts'
import { checkTexts } from './texts.ts'

export interface Accepted {
  readonly task: Task
  /** Tasks made of a plan; itself when it was a spec for its own task; none of a change, which lands. */
  readonly made: readonly Spawned[]
  /** Ids that were taken: as the plan has them → as they are. */
  readonly renamed: ReadonlyMap<string, string>
}

/** All are looked at before any is touched. */
export async function accept(context: Context, ids: readonly string[]): Promise<Accepted[]> {
  const settled = await settle(context)
  await trustRepository(context, () => areWorkersAbout(settled))
  const tasks = [...new Set(ids)].map((id) => underReview(loadTask(context.paths, id), 'accept'))
  const plans = tasks.filter(isPlan)
  const refs = plans.length > 0 ? await branches(context.repo) : new Map<string, string>()
  if (plans.length > 0) checkTexts(context)
  for (const task of plans) {
    const drafted = await draftOf(context, task)
    checkWorker(
      context,
      drafted.tasks.map(({ spec }) => spec.front.worker),
    )
    checkDraft(context, task, drafted, refs)
  }
  const changes = tasks.filter((task) => !isPlan(task)).map(({ id }) => id)
  const landing = changes.length > 0 ? await landByHand(context, changes) : []
  const accepted: Accepted[] = landing.map((task) => ({ task, made: [], renamed: new Map() }))
  for (const { id } of plans) accepted.push(await acceptPlan(context, id))
  return accepted
}

export const isPlan = ({ status }: Task): boolean => status.settings.plan

/** Throws `illegal-transition` for anything else, with what to type instead. */
export function underReview(task: Task, verb: 'accept' | 'reject'): Task {
  const { id, status } = task
  if (status.state === 'review') return task
  const look = `dirigent status ${id}`
  const onward = status.state === 'queued' ? [] : nextFor(status).filter((command) => command !== look)
  const next = onward.length > 0 ? onward : [look]
  throw new Failure('illegal-transition', `${id} is ${status.state}; there is nothing to ${verb}`, {
    hint: `Only what is under review is accepted or rejected. Type: ${next[0]}`,
    next,
  })
}

async function acceptPlan(context: Context, id: string): Promise<Accepted> {
  const { made, renamed } = await withTask(context, id, 'accepted', async (task) => {
    underReview(task, 'accept')
    clearStop(task.paths)
    // Once more, under the lock: what is checked is what is made.
    const drafted = await draftOf(context, task)
    const prepared = checkDraft(context, task, drafted, await branches(context.repo))
    const made = drafted.several
      ? await asSeveral(context, task, prepared)
      : await asItsOwn(context, task, prepared)
    return { made, renamed: drafted.renamed }
  })
  const started = await startSeveral(context, made)
  await ensureSupervisor(context)
  return { task: reload(context.paths, id) ?? loadTask(context.paths, id), made: started, renamed }
}

/** The plan is its spec from now on, and it begins from the base: what its planner left behind is kept aside. */
async function asItsOwn(context: Context, task: Task, [planned]: readonly Prepared[]): Promise<Made[]> {
  if (!planned) throw new Error(`the plan of ${task.id} has no task`)
  const cleared = await dropWorktree(context, task)
  // It says how far the planning had come; whoever begins the work is not to go on from there.
  putCheckpointAway(cleared.paths)
  const queued = refineSpec(cleared, planned.spec, (revision) =>
    advance(context, cleared, 'queued', 'its plan was accepted', {
      epoch: cleared.status.epoch + 1,
      settings: { ...planned.settings, budget: beyond(planned.settings, cleared.status) },
      title: planned.spec.title,
      spec_revision: revision,
      spec_sha256: planned.spec.sha256,
      // The next worker is told this spec alone, and not what is different from the brief.
      told_revision: 0,
      resume: null,
      tries: 0,
      lost: 0,
      flags: [],
      failure: null,
      not_before: null,
    }),
  )
  const revision = queued.status.spec_revision
  trail(context, queued, 'spec', `revision ${revision}, the plan; the brief is log/spec-${revision - 1}.md`)
  return [{ task: queued, created: true }]
}

/** What the plan grants is for the work: what planning it has used comes on top. */
function beyond({ budget }: Settings, { minutes, usage }: Status): Settings['budget'] {
  const plus = (granted: number | null, used: number) => (granted === null ? null : granted + used)
  return { minutes: plus(budget.minutes, Math.ceil(minutes)), tokens: plus(budget.tokens, usage.total) }
}

/** First the tasks, then the end of the plan: it stays under review until all are there. */
async function asSeveral(context: Context, task: Task, prepared: readonly Prepared[]): Promise<Made[]> {
  const made = makeSeveral(context, prepared)
  const ids = made.map(({ task: { id } }) => id)
  const why = `its plan was accepted: ${plural(ids.length, 'task')}, ${oneLine(ids.join(', '), 400)}`
  const epoch = task.status.epoch + 1
  await cleanUp(context, advance(context, task, 'done', why, { epoch, runner: null, activity: null }))
  return made
}
