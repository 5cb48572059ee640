/** What the verbs for messages answer, and a task's messages in `status ID`. Pure. */
import type { Answer } from '../kit/cli.ts'
import { clean, cut, duration, oneLine, plural } from '../kit/text.ts'
import type { Message } from '../state/message-file.ts'
import type { Receipt, Tracked } from '../state/receipts.ts'
import type { Task } from '../state/tasks.ts'
import { brief, onward } from './answers.ts'

export interface MailView {
  readonly counts: Readonly<Record<Receipt, number>>
  readonly newest: readonly Tracked[]
  /** From the worker: oldest first. */
  readonly unread: readonly Message[]
  readonly read: readonly Message[]
  readonly waiting: number
  readonly hooks: boolean | null
}

/** What a queued message waits for; `hooks`: whether those run that hand it over, null when not known yet. */
const waitsFor = (hooks: boolean | null): string =>
  hooks === false
    ? 'waits for the next attempt'
    : hooks
      ? 'waits for a command of its worker to end'
      : 'waits for a command of its worker to end, or for the next attempt'

export function sendAnswer(sent: {
  readonly task: Task
  readonly id: string
  readonly kind: Message['kind']
  readonly path: string
  readonly created: boolean
  readonly receipt: Receipt
  readonly hooks: boolean | null
  readonly asksNext: string | null
}): Answer {
  const { task, id, kind, path, created, receipt, hooks } = sent
  const rests = ['waiting', 'failed', 'review'].includes(task.status.state)
  if (kind === 'answer') return answeredAnswer(sent)
  const when =
    receipt !== 'queued'
      ? receipt
      : rests
        ? `queued until the next attempt (${task.id} is ${task.status.state}: respawn it)`
        : kind === 'urgent' && task.status.state === 'running'
          ? 'queued: its worker is interrupted, and goes on with it'
          : `queued: it ${waitsFor(hooks)}`
  return {
    data: { task: brief(task), message: { id, kind, path, created, receipt, hooks } },
    text: [
      `${id} ${created ? `is in the inbox of ${task.id}` : 'was sent before; nothing changed'}; ${when}`,
    ],
    next: [rests ? `dirigent respawn ${task.id}` : `dirigent status ${task.id}`],
  }
}

/** Its question is answered; the state is that of right after, so the task may be under way again. */
function answeredAnswer(sent: Parameters<typeof sendAnswer>[0]): Answer {
  const { task, id, path, created, receipt, asksNext } = sent
  if (asksNext !== null) {
    return {
      data: { task: brief(task), message: { id, kind: 'answer', path, created, receipt } },
      text: [`${task.id} has its answer, and asks something else, too: ${oneLine(asksNext, 300)}`],
      next: [`dirigent status ${task.id}`],
    }
  }
  const now = task.status.state === 'running' ? 'its worker still works, and is told it' : 'it goes on'
  return {
    data: { task: brief(task), message: { id, kind: 'answer', path, created, receipt } },
    text: [
      created
        ? `${task.id} has its answer to: ${oneLine(task.status.question ?? '', 200)}; ${now}`
        : `${task.id} was answered so before; nothing changed`,
    ],
    next: [onward],
  }
}

export function inboxAnswer(
  mail: {
    readonly task: string
    readonly messages: readonly (Message & { readonly question?: string })[]
    readonly left: number
  },
  now: number,
): Answer {
  const { messages, left } = mail
  const texts = messages.flatMap((message) => [
    '',
    headOf(message, now),
    ...(message.question === undefined ? [] : [`You had asked: ${oneLine(message.question, 500)}`]),
    '',
    ...clean(message.text).split('\n'),
  ])
  return {
    data: {
      task: mail.task,
      messages: messages.map((message) => ({ ...messageRecord(message), text: clean(message.text) })),
      left,
    },
    text: messages.length === 0 ? ['no new messages'] : texts.slice(1),
    unbounded: true,
    next: left > 0 ? ['dirigent inbox'] : [],
  }
}

export function tellAnswer(word: {
  readonly task: string
  readonly id: string
  readonly by: string | null
}): Answer {
  const wait = word.by === null ? '' : `; you wait until ${word.by.slice(11, 19)} UTC at most`
  return { data: { message: word }, text: [`${word.id} is in the outbox of ${word.task}${wait}. Go on.`] }
}

/** Of `status ID --json`. */
export function mailRecord(mail: MailView): Record<string, unknown> {
  return {
    ...mail.counts,
    list: mail.newest.map(({ receipt, how, delivered, acknowledged, ...message }) => {
      return { ...messageRecord(message), receipt, how, delivered, acknowledged }
    }),
    from_worker: {
      unread: mail.waiting,
      list: [
        ...mail.unread.map((message) => ({ ...wordRecord(message), read: false })),
        ...mail.read.map((message) => ({ ...wordRecord(message), read: true })),
      ],
    },
  }
}

/** What of the worker's a `status ID` has shown in full. */
export const shownInFull = (mail: MailView, json: boolean): readonly Message[] =>
  json
    ? mail.unread.filter(({ text }) => [...clean(text)].length <= mostOfWord)
    : wordsFromWorker(mail, 0).whole

/** How far the messages to the worker got: the last few, one line each. */
export function mailLines({ counts, newest, hooks }: MailView, now: number): string[] {
  const known = Object.entries(counts).filter(([, n]) => n > 0)
  if (known.length === 0) return []
  const waits = counts.queued > 0 ? `; what is queued ${waitsFor(hooks)}` : ''
  return [
    `${'mail'.padEnd(10)} ${known.map(([receipt, n]) => `${n} ${receipt}`).join(', ')}${waits}`,
    ...newest.slice(-mostLines).map((message) => {
      const how = message.how ? ` (${message.how})` : ''
      return `  ${headOf(message, now)}: ${message.receipt}${how}`
    }),
  ]
}

/** What the worker said and nobody has read, in full as far as there is room; `whole`: what was. */
export function wordsFromWorker(
  { unread, waiting }: MailView,
  now: number,
): { readonly lines: readonly string[]; readonly whole: readonly Message[] } {
  const lines: string[] = []
  const whole: Message[] = []
  for (const message of unread) {
    const text = clean(message.text).split('\n').flatMap(wrapped)
    const fits = lines.length + text.length + 1 <= mostWords
    if (!fits && lines.length > 0) break
    const shown = text.slice(0, mostWords - 1)
    lines.push(`said       ${headOf(message, now)}`, ...shown.map((line) => `           | ${line}`))
    if (shown.length === text.length) whole.push(message)
    else
      lines.push(`           | … +${text.length - shown.length} lines: outbox/${oneLine(message.name, 80)}`)
  }
  const left = waiting - lines.filter((line) => line.startsWith('said')).length
  return { lines: left > 0 ? [...lines, `           … +${plural(left, 'more message')}`] : lines, whole }
}

const mostLines = 5
const mostWords = 20
const width = 150
const mostOfWord = 4000

/** Lines of so many characters at most. */
function wrapped(line: string): string[] {
  const characters = [...line]
  return Array.from({ length: Math.max(1, Math.ceil(characters.length / width)) }, (_, n) =>
    characters.slice(n * width, (n + 1) * width).join(''),
  )
}

/** `hint: note from orchestrator, 3 min ago` */
const headOf = ({ id, kind, from, at, re }: Message, now: number): string =>
  `${oneLine(id, 60)}: ${kind}${re ? ` to ${oneLine(re, 60)}` : ''} from ${from}, ${duration(now - Date.parse(at))} ago`

function messageRecord({ id, kind, from, at, re }: Message): Record<string, unknown> {
  return { id: clean(id), kind, from, at, ...(re === undefined ? {} : { re: clean(re) }) }
}

function wordRecord(message: Message): Record<string, unknown> {
  const { options, default: fallback, by, text } = message
  return {
    ...messageRecord(message),
    ...(options ? { options: options.map(clean) } : {}),
    ...(fallback === undefined ? {} : { default: clean(fallback) }),
    ...(by ? { by } : {}),
    text: cut(clean(text), mostOfWord),
  }
}

export function checkpointAnswer(noted: {
  readonly path: string
  readonly bytes: number
  readonly limit: number
  readonly changed: boolean
}): Answer {
  const { path, bytes, limit, changed } = noted
  return {
    data: noted,
    text: [
      changed
        ? `noted in ${path}: ${bytes} of ${limit} bytes, ${limit - bytes} left`
        : 'it says that already; nothing changed',
    ],
  }
}
