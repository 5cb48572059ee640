/**
 * Notices what becomes of a task's messages while its worker runs, and writes it down: what hooks or `dirigent inbox`
 * have moved to inbox/seen, what the model has acknowledged by going on, what it has put into its outbox. Everything
 * is found again in the directories, so the next runner finds out what a dead one did not live to write.
 *
 * A worker can write in all of them. What it makes up here is a receipt for its own messages.
 */

import { lookAt, readTail } from '../../kit/read.ts'
import { oneLine } from '../../kit/text.ts'
import { inboxOf, outboxOf } from '../../state/mailbox.ts'
import { idOf, type Message, readMessage } from '../../state/message-file.ts'
import type { AttemptPaths } from '../../state/paths.ts'
import { arrivedSince, readTold, writeTold } from '../../state/receipts.ts'
import type { Told, ToldRecord } from '../../state/schema/attempt.ts'
import { attemptsUpTo } from '../../state/shape.ts'
import type { Task } from '../../state/tasks.ts'
import type { Track } from '../../tools/workers/track.ts'
import { trail } from '../advance.ts'
import type { Context } from '../context.ts'

export interface Correspondence {
  /**
   * To be called before the worker's stream is read on.
   * @param answers how many events the model had made when it was read last
   */
  look(answers: number): void
}

/** Of one attempt: what is more has no line of its own. A worker that says so much is not worth the reader's time. */
const mostGiven = 200
const mostHeard = 50

/** @param started when the worker was */
export function correspond(context: Context, task: Task, started: string): Correspondence {
  const earlier = earlierOf(task)
  let record = readTold(task.paths, task.status.attempt)
  /** Answers there were when a message had just been delivered; more of them acknowledge it. */
  const base = new Map(record.messages.map(({ name }) => [name, 0]))
  let stamp = ''
  return {
    look(answers) {
      const acknowledged = record.messages.filter(
        ({ name, acknowledged }) => !acknowledged && answers > (base.get(name) ?? answers),
      )
      for (const { name } of record.messages) if (!base.has(name)) base.set(name, answers)
      const now = stampOf(task)
      const news = now === stamp && now !== '' ? nothing : newsOf(task, record, earlier, started)
      stamp = now
      if (acknowledged.length === 0 && isNothing(news)) return
      record = noted(context, task, record, news, acknowledged, new Date().toISOString())
    },
  }
}

/** At the end of the attempt, by whoever concludes it. */
export function concludeMail(
  context: Context,
  task: Task,
  { started, track }: { readonly started: string; readonly track: Track },
): void {
  const paths = task.paths.attempt(task.status.attempt)
  const stream = lookAt(paths.stream)
  if (!stream?.size) return
  delivered(task, started)
  const record = readTold(task.paths, task.status.attempt)
  const news = newsOf(task, record, earlierOf(task), started)
  // The stream has no times of its own. Its last event was written last.
  const isAcknowledged = ({ how, delivered }: Told) =>
    track.outcome?.ended === 'completed' ||
    (how === 'prompt' ? track.answers > 0 : track.answering && Date.parse(delivered ?? '') < stream.mtimeMs)
  const acknowledged = [...record.messages, ...news.given].filter(
    (message) => !message.acknowledged && isAcknowledged(message),
  )
  if (acknowledged.length > 0 || !isNothing(news))
    noted(context, task, record, news, acknowledged, stream.mtime.toISOString())
}

/** The worker has started: what was to be in its prompt is delivered. */
export function delivered(task: Task, started: string): void {
  const record = readTold(task.paths, task.status.attempt)
  if (record.messages.every((message) => message.delivered)) return
  const messages = record.messages.map((told) => ({ ...told, delivered: told.delivered ?? started }))
  writeTold(task.paths, task.status.attempt, { ...record, messages })
}

interface News {
  readonly given: readonly Told[]
  /** From the worker. */
  readonly heard: readonly Message[]
}

const nothing: News = { given: [], heard: [] }
const isNothing = ({ given, heard }: News): boolean => given.length + heard.length === 0

interface Earlier {
  readonly given: ReadonlySet<string>
  readonly heard: ReadonlySet<string>
}

/** What earlier attempts wrote down is no news to this one. */
function earlierOf({ paths, status }: Task): Earlier {
  const records = attemptsUpTo(paths, status.attempt - 1).map((n) => readTold(paths, n))
  return {
    given: new Set(records.flatMap(({ messages }) => messages.map(keyOf))),
    heard: new Set(records.flatMap(({ heard }) => heard)),
  }
}

const keyOf = ({ name, sha256 }: Pick<Told, 'name' | 'sha256'>): string => `${name}\0${sha256}`

function newsOf(task: Task, record: ToldRecord, earlier: Earlier, started: string): News {
  const since = Date.parse(started)
  const given = new Set([...earlier.given, ...record.messages.map(keyOf)])
  const heard = new Set([...earlier.heard, ...record.heard])
  const read = readByWorker(task.paths.attempt(task.status.attempt))
  return {
    given: givenSince(task, since, mostGiven - record.messages.length)
      .filter((message) => !given.has(keyOf(message)))
      .map((message) => ({ ...message, how: read.has(message.name) ? 'inbox' : 'hook' })),
    heard: heardSince(task, since, heard, mostHeard - record.heard.length),
  }
}

function givenSince({ paths }: Task, since: number, most: number): Omit<Told, 'how'>[] {
  const box = inboxOf(paths)
  if (most <= 0) return []
  return arrivedSince(box.seen, since, mostGiven).flatMap(({ name, at }) => {
    const message = readMessage(box.seen, name, box.from)
    const delivered = new Date(Math.min(at, Date.now())).toISOString()
    return message ? [{ name, sha256: message.sha256, delivered, acknowledged: null }] : []
  })
}

/** Also what somebody has read already. */
function heardSince(
  { paths }: Task,
  since: number,
  known: ReadonlySet<string>,
  most: number,
): readonly Message[] {
  if (most <= 0) return []
  const box = outboxOf(paths)
  const found = new Map<string, Message>()
  for (const directory of [box.unread, box.seen])
    for (const { name } of arrivedSince(directory, since, 4 * mostHeard)) {
      const message = known.has(name) || found.has(name) ? null : readMessage(directory, name, box.from)
      if (message) found.set(name, message)
    }
  return [...found.values()].slice(0, most)
}

function readByWorker(paths: AttemptPaths): ReadonlySet<string> {
  return new Set(
    readTail(paths.inboxRead, 64 * 1024)
      .toString()
      .split('\n'),
  )
}

/** Written down first: who dies then leaves out a line of the trail, and repeats none. */
function noted(
  context: Context,
  task: Task,
  record: ToldRecord,
  news: News,
  acknowledged: readonly Told[],
  at: string,
): ToldRecord {
  const keys = new Set(acknowledged.map(keyOf))
  const next: ToldRecord = {
    ...record,
    messages: [...record.messages, ...news.given].map((told) =>
      keys.has(keyOf(told)) ? { ...told, acknowledged: at } : told,
    ),
    heard: [...record.heard, ...news.heard.map(({ name }) => name)],
  }
  writeTold(task.paths, task.status.attempt, next)
  for (const { name, how } of news.given)
    trail(context, task, 'message', `${how === 'hook' ? 'handed over' : 'read by the worker'}: ${idOf(name)}`)
  if (acknowledged.length > 0)
    trail(context, task, 'message', `acknowledged: ${acknowledged.map(({ name }) => idOf(name)).join(', ')}`)
  for (const { id, kind, text } of news.heard)
    trail(context, task, kind === 'question' ? 'question' : 'message', oneLine(text, 300), { outbox: id })
  return next
}

/** Changes when something has come or gone; empty while that may not show yet. */
function stampOf({ paths }: Task): string {
  const times = [paths.inboxSeen, paths.outbox, paths.outboxSeen].map((path) => lookAt(path)?.mtimeMs ?? 0)
  return Date.now() - Math.max(...times) < settled ? '' : times.join(' ')
}

/** Milliseconds after which a directory's time has certainly moved on. */
const settled = 100
