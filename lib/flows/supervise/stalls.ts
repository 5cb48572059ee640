/**
 * Workers that stand still: told so first, by a message, and begun anew when that changes nothing. What is decided
 * is carried out by the runner, or by whoever settles when that is gone (`runner/interrupt.ts`).
 */
import { duration } from '../../kit/text.ts'
import {
  firstVitals,
  judge,
  nextVitals,
  nudgeText,
  restartText,
  type Signs,
  type StallSettings,
  standstill,
  standstillId,
} from '../../rules/stall.ts'
import { post, remarkId } from '../../state/messages.ts'
import type { Vitals } from '../../state/schema/supervision.ts'
import type { Task } from '../../state/tasks.ts'
import { remark } from '../advance.ts'
import { type Context, now } from '../context.ts'
import { requestRestart } from '../restart.ts'
import { textsAnyway } from '../texts.ts'
import type { Part } from './part.ts'
import { filesOf, lookAround, readVitals, signsOf, writeVitals } from './signs.ts'

export const stalls: Part = {
  name: 'looking for signs of life',
  async run(context, { tasks, alive }) {
    const { stall } = context.config
    const due = tasks.filter((task) => alive.has(task.id) && hasWorker(task) && isDue(task, stall))
    if (stall.minutes === 0 || due.length === 0) return []
    const around = await lookAround(context)
    return due.flatMap((task) => {
      const signs = signsOf(context, task, around)
      return signs ? watch(context, task, signs, Date.now()) : []
    })
  },
}

const hasWorker = ({ status }: Task): boolean => status.state === 'running' && status.worker !== null

/** Milliseconds between two looks at one worker: a pass may follow the other closely. */
const longestPause = 5000

function isDue(task: Task, { minutes }: StallSettings): boolean {
  const looked = Date.parse(readVitals(task)?.at ?? '')
  return !(Math.abs(Date.now() - looked) < Math.min(longestPause, (minutes * 60_000) / 10))
}

/** Gives what it did. */
function watch(context: Context, task: Task, signs: Signs, time: number): string[] {
  const { stall } = context.config
  const before = readVitals(task) ?? firstVitals(task.status.worker?.started ?? now(), signs, time)
  let vitals = nextVitals(before, signs, null, time)
  // The worktree is looked at last: only when it alone can still speak for the worker.
  if (['nudge', 'restart'].includes(judge(vitals, signs, stall, time)))
    vitals = nextVitals(before, signs, filesOf(task), time)
  const verdict = judge(vitals, signs, stall, time)
  if (verdict === 'nudge') vitals = nudge(context, task, vitals, signs, time)
  const restarts = verdict === 'restart' && restart(context, task, vitals, signs, time)
  writeVitals(task, vitals)
  if (verdict !== 'nudge' && !restarts) return []
  const what = restarts ? 'stands still and is begun anew' : 'was told that it stands still'
  return [`${task.id} ${what}: ${standstill(vitals, signs, time)}`]
}

/** Killed before it is written down that it was told: it is told again, which changes nothing. */
function nudge(context: Context, task: Task, vitals: Vitals, signs: Signs, time: number): Vitals {
  const { stall } = context.config
  const id = remarkId('stall', task.status.attempt, standstillId(vitals, signs))
  post(task.paths, {
    id,
    from: 'supervisor',
    kind: 'note',
    text: nudgeText(vitals, signs, stall, time, textsAnyway(context)),
  })
  const grace = duration(stall.grace_minutes * 60_000)
  remark(context, task, 'nudge', `${standstill(vitals, signs, time)}; begun anew in ${grace} (message ${id})`)
  return { ...vitals, nudged: new Date(time).toISOString() }
}

/** False when that was asked for before: a runner that takes its time, or was stopped. */
function restart(context: Context, task: Task, vitals: Vitals, signs: Signs, time: number): boolean {
  const message = restartText(vitals, signs, time)
  return requestRestart(context, task, { class: 'stalled', message, not_before: null })
}
