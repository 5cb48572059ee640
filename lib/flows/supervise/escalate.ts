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
  afterTelling,
  dueFor,
  heardBy,
  newsText,
  newsTitle,
  nextTold,
  renewed,
  type Trouble,
  troubleOf,
  unheard,
  type Ways,
  wakeFailed,
  woken,
} from '../../rules/escalation.ts'
import { idPattern } from '../../state/paths.ts'
import { readRecord, writeRecord } from '../../state/record.ts'
import type { Config } from '../../state/schema/config.ts'
import { type Channel, type Escalations, escalations } from '../../state/schema/supervision.ts'
import { problemOf, startCommand, tellByCommand } from '../../tools/notify/command.ts'
import { tellDesktop } from '../../tools/notify/desktop.ts'
import { tellWebhook } from '../../tools/notify/webhook.ts'
import { remark } from '../advance.ts'
import { type Context, now } from '../context.ts'
import { needStates } from '../needs.ts'
import type { Observed } from '../settle.ts'
import type { Part } from './part.ts'

export const escalate: Part = {
  name: 'telling who is needed',
  async run(context, seen) {
    const troubles = troublesOf(context, seen)
    const known = readEscalations(context)
    if (troubles.length === 0 && Object.keys(known.tasks).length === 0) return []
    const tasks = heardBy(renewed(known.tasks, troubles, new Date()), troubles, listenedUntil(context))
    if (!isDeepStrictEqual(tasks, known.tasks)) save(context, { ...known, tasks })
    return [...(await wake(context, seen, troubles)), ...(await notify(context, seen, troubles))]
  },
  async next(context) {
    const { wake: last, tasks } = readEscalations(context)
    const person = nextTold(tasks, waysOf(context.config))
    // What came while the command was at work is told when that has ended.
    const waits = last !== null && unheard(tasks).length > 0 && isAtWork(last)
    return waits ? new Date(Math.min(Date.now() + 1000, person?.getTime() ?? Infinity)) : person
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
  save(context, { ...readEscalations(context), tasks: woken(tasks, ids, new Date(time)) })
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
  tell(context, seen, news, 'nobody listened: the orchestrator was woken')
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

async function notify(context: Context, seen: Observed, troubles: readonly Trouble[]): Promise<string[]> {
  const due = dueFor(readEscalations(context).tasks, waysOf(context.config), new Date())
  const did: string[] = []
  for (const [channel, ids] of due) {
    const news = troubles.filter(({ id }) => ids.includes(id))
    if (news.length === 0) continue
    // First: what cannot be written down afterwards (a full disk) would be told again at each pass.
    save(context, readEscalations(context))
    const problem = await tellBy(context, channel, news)
    const known = readEscalations(context)
    save(context, { ...known, tasks: afterTelling(known.tasks, ids, channel, problem, new Date()) })
    const said =
      problem === null ? `a person was told (${channel})` : `a person could not be told: ${problem}`
    tell(context, seen, news, said)
    did.push(`${ids.join(', ')}: ${said}`)
  }
  return did
}

/** Milliseconds that a command has to tell somebody. */
const longestCommand = 60_000

async function tellBy(context: Context, channel: Channel, news: readonly Trouble[]): Promise<string | null> {
  const { config, repo, paths } = context
  const { command, webhook } = config.notify
  const { tasks } = readEscalations(context)
  const text = newsText(repo.main, news, tasks, new Date())
  try {
    if (channel === 'command' && command !== null) {
      const options = {
        cwd: repo.main,
        env: environmentFor(context, news),
        news: text,
        log: paths.supervisorLog,
      }
      const problem = await tellByCommand(command, { ...options, limit: longestCommand })
      return problem && `notify.command: ${problem}`
    }
    if (channel === 'webhook' && webhook !== null) {
      const problem = await tellWebhook(webhook, { text, repository: repo.main, tasks: news })
      return problem && `notify.webhook: ${problem}`
    }
    return await tellDesktop(newsTitle(repo.main, news), text, repo.main)
  } catch (error) {
    // A program that is not there.
    if (error instanceof Failure) return `notify.${channel}: ${oneLine(reasonOf(error), 200)}`
    throw error
  }
}

function waysOf({ notify: { command, webhook, desktop, after_minutes } }: Config): Ways {
  const channels = [
    ...(command === null ? [] : ['command' as const]),
    ...(webhook === null ? [] : ['webhook' as const]),
    ...(desktop ? ['desktop' as const] : []),
  ]
  return { channels, after_minutes }
}

/** Nothing that a worker wrote: a shell is going to read it. */
function environmentFor({ repo }: Context, news: readonly Trouble[]): NodeJS.ProcessEnv {
  // A task that cannot be read is named by its directory, which a worker can have made.
  const ids = news.map(({ id }) => id).filter((id) => idPattern.test(id))
  return {
    ...process.env,
    DIRIGENT_REPO: repo.main,
    DIRIGENT_ATTENTION_TASK: ids[0] ?? '',
    DIRIGENT_ATTENTION_TASKS: ids.join(' '),
  }
}

/** In the trails of those tasks that have one. */
function tell(context: Context, { tasks }: Observed, news: readonly Trouble[], text: string): void {
  for (const task of tasks)
    if (news.some(({ id }) => id === task.id)) remark(context, task, 'escalation', text)
}

/** One that cannot be read is made anew: at worst something is told twice. */
function readEscalations({ paths }: Context): Escalations {
  try {
    return readRecord(paths.escalations, escalations) ?? nobodyTold
  } catch (error) {
    if (error instanceof Failure) return nobodyTold
    throw error
  }
}

const nobodyTold: Escalations = { version: 1, wake: null, tasks: {} }

function save({ paths }: Context, told: Escalations): void {
  writeRecord(paths.escalations, told)
}
