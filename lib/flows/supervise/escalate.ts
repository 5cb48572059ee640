/**
 * Tells of what needs somebody: the orchestrator by `wake`, then a person by `notify`. Killed between telling and
 * writing that down, an orchestrator is not woken twice (two at one task do harm, and a person is told next), and a
 * person is told twice (never would be worse).
 */
import { isDeepStrictEqual } from 'node:util'
import { narrate } from '../../kit/cli.ts'
import { errno, Failure, reasonOf } from '../../kit/errors.ts'
import { isLocked } from '../../kit/lock.ts'
import { signal } from '../../kit/pid.ts'
import { lookAt } from '../../kit/read.ts'
import { findMarked } from '../../kit/sweep.ts'
import { oneLine } from '../../kit/text.ts'
import { attentionOf } from '../../rules/attention.ts'
import {
  heardBy,
  newsText,
  nextTold,
  renewed,
  type Trouble,
  troubleOf,
  unheard,
  wakeFailed,
  woken,
} from '../../rules/escalation.ts'
import type { Escalations } from '../../state/schema/supervision.ts'
import { problemOf, startCommand } from '../../tools/notify/command.ts'
import { type Context, now } from '../context.ts'
import { needStates } from '../needs.ts'
import type { Observed } from '../settle.ts'
import { environmentFor, noteInTrails, readEscalations, save } from './escalations.ts'
import type { Part } from './part.ts'
import { isTelling, tellPeople, waysOf } from './person.ts'

export const escalate: Part = {
  name: 'telling who is needed',
  async run(context, seen) {
    const troubles = troublesOf(context, seen)
    const known = readEscalations(context)
    if (troubles.length === 0 && Object.keys(known.tasks).length === 0 && !isTelling()) return []
    const tasks = heardBy(renewed(known.tasks, troubles, new Date()), troubles, listenedUntil(context))
    if (!isDeepStrictEqual(tasks, known.tasks)) save(context, { ...known, tasks })
    return [...(await wake(context, seen, troubles)), ...(await tellPeople(context, seen, troubles))]
  },
  async next(context) {
    const { wake: last, tasks } = readEscalations(context)
    const soon = new Date(Date.now() + 1000)
    // Until that is written down it is still due.
    if (isTelling()) return soon
    const person = nextTold(tasks, waysOf(context.config))
    // What came while the command was at work is told when that has ended.
    const waits = last !== null && unheard(tasks).length > 0 && isAtWork(last)
    return waits && (person === null || person > soon) ? soon : person
  },
}

function troublesOf(context: Context, { tasks, broken }: Observed): Trouble[] {
  const needState = needStates(context, tasks)
  const open = tasks.flatMap(({ status }) => {
    const why = attentionOf(status, needState)
    return why === null ? [] : (troubleOf(status, why) ?? [])
  })
  const ruined = broken.map(({ id, failure }) => {
    const reason = oneLine(failure.message, 500)
    return { id, title: id, state: 'broken', reason, since: null, next: ['dirigent doctor'] } as const
  })
  return [...open, ...ruined]
}

/** When the last `wait` that had listened told what it had heard. */
function listenedUntil({ paths }: Context): Date | null {
  return lookAt(paths.listenLock)?.mtime ?? null
}

/** Milliseconds that an orchestrator has, once woken. */
const longestWake = 2 * 3600_000

async function wake(context: Context, seen: Observed, troubles: readonly Trouble[]): Promise<string[]> {
  const { config, paths } = context
  const { wake: last, tasks } = readEscalations(context)
  const ids = unheard(tasks)
  if (last && isAtWork(last)) return endOverdue(last)
  // Whether it is at work costs a look at every process.
  if (last) save(context, { ...readEscalations(context), wake: null })
  if (config.wake === null || ids.length === 0 || (await isLocked(paths.listenLock))) return []
  const news = troubles.filter(({ id }) => ids.includes(id))
  const time = now()
  const mark = `${paths.root}#${time}`
  // Before it is started: killed now, it is never started for this.
  const known = readEscalations(context)
  save(context, { ...known, tasks: woken(known.tasks, ids, new Date(time)) })
  const told = newsText(context.repo.main, news, tasks, new Date(time))
  const env = { ...environmentFor(context, news), [wakeMark]: mark }
  const started = await startCommand(config.wake, {
    cwd: context.repo.main,
    env,
    news: told,
    log: paths.supervisorLog,
  })
  void started.ended.then((end) => noteWake(context, problemOf(end)))
  save(context, { ...readEscalations(context), wake: { pid: started.pid, mark, started: time } })
  noteInTrails(context, seen, news, 'nobody listened: the orchestrator was woken')
  return [`the orchestrator was woken for ${ids.join(', ')}`]
}

const wakeMark = 'DIRIGENT_WAKE'

type Wake = NonNullable<Escalations['wake']>

/** Its own process; what an orchestrator has started may live on and carries the mark, too. */
const isAtWork = ({ pid, mark }: Wake): boolean => findMarked(wakeMark, mark).includes(pid)

function endOverdue({ pid, started }: Wake): string[] {
  const late = Date.now() - Date.parse(started) - longestWake
  if (late < 0) return []
  signal(-pid, late < 60_000 ? 'SIGTERM' : 'SIGKILL')
  return [`the command that woke the orchestrator has run for too long; it is ended (pid ${pid})`]
}

/** Nobody waits for this, so trouble with it must not be thrown: a person is told next in any case. */
function noteWake(context: Context, problem: string | null): void {
  if (problem === null) return
  narrate(`${now()} wake: ${problem}`)
  try {
    const known = readEscalations(context)
    save(context, { ...known, tasks: wakeFailed(known.tasks, `wake: ${problem}`) })
  } catch (error) {
    if (!(error instanceof Failure) && errno(error) === undefined) throw error
    narrate(`${now()} wake: that could not be written down: ${reasonOf(error)}`)
  }
}
