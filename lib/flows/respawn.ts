/** Another attempt on a task that rests: failed, stopped, waiting, under review or not landed. */
import { Failure } from '../kit/errors.ts'
import { oneLine } from '../kit/text.ts'
import { putCheckpointAway } from '../state/checkpoints.ts'
import { openQuestions, putQuestionAway } from '../state/questions.ts'
import { refineSpec } from '../state/refine.ts'
import type { Settings } from '../state/schema/status.ts'
import { parseSpec, readSpec, type Spec } from '../state/spec.ts'
import { loadTask, reload, type Task } from '../state/tasks.ts'
import { branches } from '../tools/git/refs.ts'
import { advance, amend, trail } from './advance.ts'
import { type Context, trustRepository } from './context.ts'
import { dispatch } from './dispatch.ts'
import { dropWorktree } from './runner/clean-up.ts'
import { clearStop } from './runner/interrupt.ts'
import { settingsOf, toPlan, wordsFor } from './settings.ts'
import { areWorkersAbout, settle } from './settle.ts'
import { checkWorker, type Spawned } from './spawn.ts'
import { ensureSupervisor } from './supervise/start.ts'
import { withTask } from './take.ts'
import { checkTexts } from './texts.ts'

export interface Respawn {
  readonly spec: Spec | null
  /** Begin again from the base. */
  readonly fresh: boolean
}

export async function respawn(context: Context, id: string, wish: Respawn): Promise<Spawned> {
  const { settings } = loadTask(context.paths, id).status
  checkWorker(context, [wish.spec ? wish.spec.front.worker : settings.worker])
  checkTexts(context)
  // A lost attempt is taken up first, and then is under way.
  const settled = await settle(context)
  await trustRepository(context, () => areWorkersAbout(settled))
  const again = await withTask(context, id, 'respawned', async (task) => {
    // A request of the past, which nobody was there to carry out, is not for the next attempt.
    clearStop(task.paths)
    withdraw(context, task)
    const refined = wish.spec ? await refine(context, task, wish.spec) : task
    // What it says is done will be gone with the worktree.
    if (wish.fresh) putCheckpointAway(refined.paths)
    const cleared = wish.fresh ? await dropWorktree(context, refined) : refined
    const fresh = {
      epoch: cleared.status.epoch + 1,
      settings: await renewed(context, refined),
      tries: 0,
      lost: 0,
      limited: 0,
      mailed: 0,
      not_before: null,
      change: null,
      question: null,
      asked: null,
      resume: null,
      flags: [],
      ...(wish.fresh ? { failure: null, told_revision: 0 } : {}),
    }
    if (cleared.status.state === 'queued') return amend(cleared, fresh)
    return advance(context, cleared, 'queued', wish.fresh ? 'respawned from the base' : 'respawned', fresh)
  })
  const { blocked } = await dispatch(context)
  await ensureSupervisor(context)
  return { task: reload(context.paths, id) ?? again, created: true, blocked: blocked.get(id) ?? null }
}

/** It goes on without an answer. The worker may ask again. */
function withdraw(context: Context, task: Task): void {
  for (const { id, text } of openQuestions(task.paths)) {
    putQuestionAway(task.paths, id)
    trail(context, task, 'question', `not answered, because the task was respawned: ${oneLine(text, 200)}`)
  }
}

/**
 * A name that the provider did not take may have been corrected in the settings. A spec that was edited by hand (a worker
 * may have) changes nothing.
 */
async function renewed(context: Context, task: Task): Promise<Settings> {
  const { settings, spec_sha256 } = task.status
  const spec = await ownSpec(task)
  if (spec?.sha256 !== spec_sha256) return settings
  return { ...settings, ...wordsFor(context, settings.worker, spec.front) }
}

async function ownSpec({ paths }: Task): Promise<Spec | null> {
  try {
    return await parseSpec(readSpec(paths.spec), paths.spec)
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** The old revision stays in the log. */
async function refine(context: Context, task: Task, spec: Spec): Promise<Task> {
  if (spec.sha256 === task.status.spec_sha256) return task
  const asked = settingsOf(context, task.id, spec, await branches(context.repo))
  const settings = task.status.settings.plan ? toPlan(asked) : asked
  const refined = refineSpec(task, spec, (revision) =>
    amend(task, { settings, title: spec.title, spec_revision: revision, spec_sha256: spec.sha256 }),
  )
  const { spec_revision: revision } = refined.status
  trail(context, refined, 'spec', `revision ${revision}; the one before is log/spec-${revision - 1}.md`)
  return refined
}
