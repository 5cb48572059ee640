/**
 * The hooks that hand mail to a worker in the middle of its turn. Told first and moved to inbox/seen after: a
 * hook that dies between the two (or is too slow for the worker's program, which then takes nothing from it) leaves the
 * message where the next one finds it. So it may be told twice, with the same name, and is never lost. Who
 * calls them keeps two of them apart.
 */
import { readFileSync } from 'node:fs'
import { appendLine } from '../kit/append.ts'
import { readTail } from '../kit/read.ts'
import { handOver, keep } from '../rules/handover.ts'
import { inboxOf, markSeen } from '../state/mailbox.ts'
import type { Message } from '../state/message-file.ts'
import { deliverable, withQuestions } from '../state/messages.ts'
import { type TaskPaths, taskPaths } from '../state/paths.ts'
import { openQuestions } from '../state/questions.ts'
import { alsoRead, goOn, mostAdded } from '../tools/workers/hooks.ts'
import { textsForHook } from './texts.ts'

export interface Said {
  readonly text: string
  /** To be called when it has been printed. */
  readonly delivered?: () => void
}

/** After a tool: the unread mail, as much of it as is passed on whole. @param event when it has another name */
export function afterTool(directory: string, attempt: number, event: string): Said | null {
  const task = taskPaths(directory)
  const mail = forNow(task, attempt)
  if (mail.length === 0) return null
  const { text, told } = handOver(mail, task.inboxSeen, mostAdded, textsForHook(directory))
  return { text: alsoRead(text, event), delivered: () => markSeen(inboxOf(task), told) }
}

/** At the end of a turn. @param stdin gives lines of `git status`, or nothing */
export function atEnd(directory: string, attempt: number, stdin: number): Said | null {
  const task = taskPaths(directory)
  const { held } = task.attempt(attempt)
  const kept = keep(
    {
      held: linesOf(readTail(held, 4096).toString()),
      mail: forNow(task, attempt),
      seenDirectory: task.inboxSeen,
      uncommitted: linesOf(readFileSync(stdin, 'utf8')),
      asks: openQuestions(task).length > 0,
    },
    mostAdded,
    textsForHook(directory),
  )
  if (!kept) return null
  // Counted before it is said: what cannot be counted is not said.
  appendLine(held, kept.reason, { durable: false })
  return { text: goOn(kept.text), delivered: () => markSeen(inboxOf(task), kept.told) }
}

/** What another attempt would be told. Who sends something urgent wants the worker to be ended: that is the runner's. */
const forNow = (task: TaskPaths, attempt: number): Message[] =>
  withQuestions(
    task,
    deliverable(task, attempt + 1).filter(({ kind }) => kind !== 'urgent'),
  )

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')
