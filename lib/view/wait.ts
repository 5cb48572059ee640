/** What `wait` answers: with a cursor only the news, a short line each, attention first. Pure. */
import type { Answer } from '../kit/cli.ts'
import { exits } from '../kit/errors.ts'
import { clean, oneLine, table, thriftyLine } from '../kit/text.ts'
import { nextFor } from '../rules/attention.ts'
import type { Event } from '../state/schema/event.ts'
import type { Task } from '../state/tasks.ts'
import { brief } from './answers.ts'

export interface WaitView {
  readonly outcome: 'attention' | 'settled' | 'timed-out'
  readonly ids: readonly string[]
  /** Null: there was no cursor, so all of it counts. */
  readonly news: {
    readonly attention: ReadonlySet<string>
    readonly ended: readonly Task[]
    readonly all: boolean
  } | null
  readonly cursor: string
  readonly tasks: readonly Task[]
  readonly attention: ReadonlyMap<string, string>
  readonly others: readonly string[]
  /** By workers. */
  readonly messages: readonly Event[]
  readonly underWay: readonly string[]
  /** Queued task → why it waits. */
  readonly blocked: ReadonlyMap<string, string>
}

/** Of each kind of news so many lines; what is more is counted. */
const mostLines = 12
const mostOfAll = 36

export function waitAnswer(view: WaitView): Answer {
  const { outcome, news, attention, underWay, cursor, tasks } = view
  const told = news ? [...attention].filter(([id]) => news.attention.has(id)) : [...attention]
  const first = tasks.find((task) => told.some(([id]) => id === task.id))
  const on = ['dirigent wait', ...view.ids, '--since', cursor].join(' ')
  return {
    data: {
      outcome,
      attention: told.map(([id, why]) => ({ id, why: clean(why) })),
      still_need_you: attention.size - told.length,
      others_need_you: view.others,
      under_way: underWay,
      tasks: (news ? [...tasks.filter(({ id }) => news.attention.has(id)), ...news.ended] : tasks).map(brief),
      messages: view.messages.map(({ task, at, outbox, text }) => ({
        task,
        id: outbox,
        at,
        text: clean(text),
      })),
      ...(news && { ended: news.ended.map(({ id }) => id), complete: !news.all }),
      cursor,
    },
    text: [...(news ? newsText(view, told, news) : allText(view)), ...othersText(view), `cursor: ${cursor}`],
    next: [
      ...(first ? nextFor(first.status).slice(0, 2) : told.length > 0 ? ['dirigent doctor'] : []),
      ...(underWay.length > 0 || first ? [on] : told.length > 0 ? [] : after(view)),
    ],
    exit: outcome === 'timed-out' ? exits.pending : exits.done,
    unbounded: true,
  }
}

function othersText({ others }: WaitView): string[] {
  if (others.length === 0) return []
  const more = others.length > 5 ? ' …' : ''
  return [
    `beside what was waited for: ${needYou(others.length)}: ${others.slice(0, 5).map(named).join(', ')}${more}`,
  ]
}

function newsText(
  { ids, attention, messages, underWay, tasks }: WaitView,
  told: readonly (readonly [string, string])[],
  { ended, all }: NonNullable<WaitView['news']>,
): string[] {
  const still = attention.size - told.length
  const counts = [
    ...(told.length > 0 ? [needYou(told.length)] : []),
    ...(still > 0 ? [`${still} still ${still === 1 ? 'needs' : 'need'} you`] : []),
    ...(ended.length > 0 ? [`${ended.length} ended`] : []),
    under(underWay, attention, ids),
  ]
  const nothing = told.length + ended.length + messages.length === 0
  return [
    ...(all ? ['the feed does not reach back to this cursor: all that needs you is told again'] : []),
    [...(nothing ? ['nothing new'] : []), ...counts].join(' · '),
    ...some(told.map(([id, why]) => `! ${named(id)} ${stateOf(tasks, id)}: ${thriftyLine(why, mostOfLine)}`)),
    ...some(ended.map(({ id, status }) => `· ${id} ${status.state}${flagsOf(status.flags)}`)),
    ...some(messages.map(messageLine)),
  ]
}

function allText({ outcome, ids, attention, tasks, blocked, underWay, messages }: WaitView): string[] {
  const why = ({ id, status }: Task) => `${blocked.get(id) ?? status.reason ?? ''}${flagsOf(status.flags)}`
  const head = {
    attention: needYou(attention.size),
    settled: settled(ids),
    'timed-out': `still under way: ${underWay.length}`,
  }[outcome]
  const needing = [...attention].map(([id, why]) => ['!', named(id), thriftyLine(why, mostOfLine)])
  const others = tasks
    .filter((task) => !attention.has(task.id))
    .map((task) => ['·', task.id, thriftyLine(`${task.status.state}: ${why(task)}`, 80)])
  return [head, ...some(table([...needing, ...others]), mostOfAll), ...some(messages.map(messageLine))]
}

/** Nothing would ever end another wait: what is left is to look. */
const after = ({ ids, attention, others }: WaitView): string[] => [
  attention.size + others.length + ids.length > 0 ? 'dirigent status' : 'dirigent status --all',
]

const under = (
  underWay: readonly string[],
  attention: ReadonlyMap<string, string>,
  ids: readonly string[],
): string =>
  underWay.length > 0
    ? `${underWay.length} under way`
    : attention.size > 0
      ? 'nothing under way'
      : settled(ids)

/** Others may be under way when only some were waited for. */
const settled = (ids: readonly string[]): string =>
  ids.length > 0 ? 'what was waited for has settled' : 'all settled'

/** An orchestrator pays for every line: about 40 tokens, its id among them. */
const mostOfLine = 100

/** Of a task that cannot be read it is the name of a directory, which can be anything. */
const named = (id: string): string => oneLine(id, 63)

const stateOf = (tasks: readonly Task[], id: string): string =>
  tasks.find((task) => task.id === id)?.status.state ?? 'corrupt'

const needYou = (n: number): string => (n === 1 ? '1 needs you' : `${n} need you`)

const flagsOf = (flags: readonly string[]): string =>
  flags.map((flag) => `; note: ${thriftyLine(flag, 60)}`).join('')

const messageLine = ({ task, text }: Event): string =>
  `· ${named(task)} says: ${thriftyLine(text, mostOfLine)}`

function some(lines: readonly string[], most = mostLines): string[] {
  const left = lines.length - most
  return [...lines.slice(0, most), ...(left > 0 ? [`… +${left} more: dirigent status --all`] : [])]
}
