/** Sends a message to a task's worker: it is told with the prompt of the next attempt. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../kit/errors.ts'
import { isEnded, isOwned } from '../rules/lifecycle.ts'
import { messageLimit, messageName, newMessageId } from '../state/message-file.ts'
import { post } from '../state/messages.ts'
import { idPattern } from '../state/paths.ts'
import type { MessageFront } from '../state/schema/message.ts'
import { loadTask, type Task } from '../state/tasks.ts'
import type { Context } from './context.ts'
import { settle } from './settle.ts'
import { readSource } from './source.ts'

export interface Sent {
  readonly task: Task
  /** The receipt: sending with it again changes nothing. */
  readonly id: string
  readonly path: string
  /** False when this very message was there before. */
  readonly created: boolean
  readonly kind: MessageFront['kind']
}

export interface Letter {
  /** Its id; null: one of its own. */
  readonly id: string | null
  readonly from: MessageFront['from']
  /** A worker that works is ended for it and goes on with it. */
  readonly urgent: boolean
}

/** @param read gives the text */
export async function send(
  context: Context,
  task: string,
  letter: Letter,
  read: () => Promise<string>,
): Promise<Sent> {
  if (letter.id !== null) checkMessageId(letter.id)
  refuseLate(loadTask(context.paths, task))
  const text = await read()
  const id = letter.id ?? newMessageId()
  const name = messageName(id)
  // It may have ended while the text was read.
  const to = refuseLate(loadTask(context.paths, task))
  const path = join(to.paths.inbox, name)
  const kind = letter.urgent ? 'urgent' : 'note'
  const posted = post(to.paths, { id, from: letter.from, kind, text })
  if (posted === 'other') {
    throw new Failure('id-taken', `${task} has had a message ${id} already, with another text or kind`, {
      hint: 'Choose another --id, or leave it out.',
    })
  }
  const after = loadTask(context.paths, task)
  if (posted === 'posted' && isLate(after)) rmSync(join(after.paths.inbox, name), { force: true })
  if (posted !== 'known') refuseLate(after)
  if (posted === 'gone')
    throw new Failure('corrupt-file', `${after.paths.directory} is not a directory`, {
      hint: 'Move it away.',
    })
  // A worker whose runner is gone is not watched: whoever settles ends it.
  if (kind === 'urgent' && isOwned(after.status)) await settle(context)
  return { task: after, id, path, created: posted === 'posted', kind }
}

/** Who may be said to speak. */
export const senders = ['orchestrator', 'person', 'supervisor'] as const

const how = 'dirigent send ID TEXT, dirigent send ID --file FILE, or - for stdin'

/** The text that was given on the command line, or in what it names. */
export async function readMessage(text: string | undefined, file: string | undefined): Promise<string> {
  if ((text === undefined) === (file === undefined))
    throw new Failure('usage', 'dirigent send needs either a text or --file', { hint: `Type ${how}.` })
  const source = file ?? (text === '-' ? '-' : undefined)
  if (source === undefined) return checkText(Buffer.from(text ?? ''), 'the message')
  const wanted = {
    limit: messageLimit,
    bad: 'bad-message',
    missing: 'message-not-found',
    hint: `Name what is to be told: ${how}.`,
    name: 'Name a text file',
    how,
  } as const
  return await readSource(source, wanted, checkText)
}

function checkText(bytes: Buffer, name: string): string {
  if (bytes.length > messageLimit)
    throw bad(
      `${name} is longer than ${messageLimit} bytes, which is the most for a message`,
      'Put long material into a file and point to it.',
    )
  if (bytes.includes(0)) throw bad(`${name} is not text: it holds a NUL byte`)
  const text = decode(bytes, name)
  if (text.trim() === '') throw bad(`${name} says nothing`)
  return text
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) throw bad(`${name} is not UTF-8 text`)
    throw error
  }
}

const bad = (message: string, hint = `Say what is to be told: ${how}.`): Failure =>
  new Failure('bad-message', message, { hint })

function checkMessageId(id: string): void {
  if (idPattern.test(id)) return
  throw new Failure('bad-id', `${JSON.stringify(id.slice(0, 80))} is not the id of a message`, {
    hint: 'An id has lower-case letters, digits and dashes, begins with a letter or digit, and has at most 63 characters.',
  })
}

/** Ended, or with its change on the way: no worker of it would read any more (`runner/mail.ts`). */
const isLate = ({ status }: Task): boolean => isEnded(status) || status.state === 'landing'

function refuseLate(task: Task): Task {
  if (!isLate(task)) return task
  throw new Failure(
    'illegal-transition',
    `${task.id} is ${task.status.state}; nobody would read the message`,
    {
      hint: 'Spawn a new task.',
      next: [`dirigent status ${task.id}`],
    },
  )
}
