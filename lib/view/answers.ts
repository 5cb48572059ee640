/** What the other verbs answer. Pure. */
import type { Answer } from '../kit/cli.ts'
import { exits } from '../kit/errors.ts'
import { bounded, clean, cut, oneLine } from '../kit/text.ts'
import { attentionOf, nextFor } from '../rules/attention.ts'
import { isEnded } from '../rules/lifecycle.ts'
import { typed } from '../rules/shell.ts'
import { type Event, parseEvent } from '../state/schema/event.ts'
import type { Task } from '../state/tasks.ts'

/** One wait for all that is under way: who types one for each hears of the others late. */
export const onward = 'dirigent wait'

/** A task in few words, for answers that are about something else. */
export const brief = ({ status, paths }: Task) => ({
  id: status.id,
  title: clean(status.title),
  state: status.state,
  reason: status.reason,
  attempt: status.attempt,
  directory: paths.directory,
})

export function spawnAnswer(spawned: {
  readonly task: Task
  readonly created: boolean
  readonly blocked: string | null
}): Answer {
  const { task, created, blocked } = spawned
  const { id, state, settings } = task.status
  const ended = isEnded(task.status)
  const what = ended
    ? `has ended already with this spec (${state}); nothing was started: for another run choose another id`
    : !created
      ? `is there already with this spec: ${state}`
      : blocked
        ? `waits: ${blocked}`
        : `is ${state}, attempt ${task.status.attempt}${settings.change === 'branch' ? `, to land on ${settings.base.branch}` : ''}`
  return {
    data: { task: brief(task), created, blocked },
    text: [`${id} ${what}`],
    next: ended ? [`dirigent status ${id}`] : [onward],
  }
}

export function landAnswer(tasks: readonly Task[]): Answer {
  const ids = tasks.map((task) => task.id)
  return {
    data: { tasks: tasks.map(brief) },
    text: [`landing: ${ids.join(', ')}`],
    next: [onward],
  }
}

export function stopAnswer(task: Task): Answer {
  const { id, state, attempt, asked } = task.status
  const stopped = state === 'waiting'
  return {
    data: { task: brief(task) },
    text: [
      stopped
        ? `${id} ${asked ? 'has asked something, and nothing of it runs' : 'is stopped'}; its work is kept`
        : // One that never began has made nothing.
          `${id} is ${state}${attempt > 0 ? `; whatever it had made is under refs/dirigent/kept/${id}/` : ''}`,
    ],
    next: stopped ? nextFor(task.status) : [`dirigent status ${id}`],
  }
}

export function logAnswer(log: {
  readonly task: Task
  readonly events: readonly Event[]
  readonly skipped: number
}): Answer {
  const next = attentionOf(log.task.status, () => 'merged')
    ? nextFor(log.task.status)
    : [`dirigent status ${log.task.id}`]
  const skipped =
    log.skipped > 0 ? [`(${log.skipped} unreadable lines skipped in ${log.task.paths.trail})`] : []
  return {
    data: { events: log.events, skipped: log.skipped },
    text: [...skipped, ...log.events.map(eventLine)],
    newestLast: true,
    next,
  }
}

/** `09:41:07 state queued → running: attempt 1`, `09:41:07 created → queued: Add a form` */
export function eventLine(event: Event): string {
  const move = event.to ? `${event.from ? ` ${event.from}` : ''} → ${event.to}` : ''
  return oneLine(`${event.at.slice(11, 19)} ${event.type}${move}: ${event.text}`, 220)
}

/** One line of `log --follow`: the trail's, or the stream's as it is. */
export function followedAnswer(line: string, raw: boolean): Answer {
  if (raw) return { data: { line: clean(line) }, text: [cut(clean(line), 400)] }
  const event = parseEvent(line)
  return { data: { event }, text: [event ? eventLine(event) : '(an unreadable line)'] }
}

export function rawAnswer(lines: readonly string[]): Answer {
  return {
    data: { lines: lines.map(clean) },
    text: lines.map((line) => cut(clean(line), 400)),
    newestLast: true,
  }
}

export function diffAnswer(
  diff: { readonly task: Task; readonly text: string; readonly rest: string | null },
  full: boolean,
): Answer {
  const { id } = diff.task
  const text = clean(diff.text).trimEnd()
  const lines = text === '' ? [`${id} has changed nothing`] : text.split('\n').map((line) => cut(line, 500))
  const whole = full || bounded(lines).length === lines.length
  // One that is bounded says by itself that there is more.
  if (full && diff.rest) lines.push(`… it is too long, and ends here; what is committed, whole: ${diff.rest}`)
  return {
    data: { id, diff: text, cut: diff.rest !== null },
    text: lines,
    unbounded: full,
    next: whole ? [] : [`dirigent diff ${id} --full`],
  }
}

export function buildAnswer(
  built: { readonly exitCode: number | null; readonly banner: string | null },
  command: readonly string[],
): Answer {
  if (built.exitCode === null) {
    return {
      data: { exit_code: null, waited_for: built.banner },
      text: ['its turn did not come in time; the command was not run'],
      next: [`dirigent build -- ${command.map(typed).join(' ')}`],
      exit: exits.pending,
    }
  }
  return { data: { exit_code: built.exitCode, waited_for: built.banner }, text: [], exit: built.exitCode }
}

export function superviseAnswer(done: {
  readonly outcome: 'already' | 'once' | 'idle' | 'displaced' | 'rebuilt'
  readonly did: readonly string[]
  readonly trouble: readonly string[]
}): Answer {
  const { outcome, did, trouble } = done
  const lines = [...did, ...trouble.map((line) => `trouble: ${line}`)].map((line) => oneLine(line, 300))
  const text = {
    already: ['a supervisor is at work here already'],
    once: lines.length > 0 ? lines : ['nothing was due'],
    idle: ['nothing is under way; the supervisor has left'],
    displaced: ['its lock was taken away; the supervisor has left'],
    rebuilt: ['Dirigent was built anew; a supervisor of the new build goes on'],
  }[outcome]
  return { data: { outcome, did, trouble }, text, next: ['dirigent status'] }
}
