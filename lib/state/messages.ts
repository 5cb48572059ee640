/**
 * The inbox: one file per message. Unread files lie in inbox/, delivered ones in inbox/seen/; the
 * move is the receipt. Files that are not text, too large or still being written are left where
 * they are.
 */
import { readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from '../kit/errors.ts'
import { isTemporaryName } from '../kit/files.ts'
import { lookAt, readBounded } from '../kit/read.ts'
import type { TaskPaths } from './paths.ts'

const messageLimit = 64 * 1024

export interface Message {
  readonly name: string
  readonly text: string
}

/** Unread messages in the order of their names. */
export function unread(task: TaskPaths): Message[] {
  const messages: Message[] = []
  for (const name of messagesIn(task.inbox)) {
    try {
      const bytes = readBounded(join(task.inbox, name), messageLimit)
      if (bytes) messages.push({ name, text: bytes.toString() })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return messages.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function countUnread(task: TaskPaths): number {
  return messagesIn(task.inbox).length
}

/** Names of whole messages. None where a worker has put something else in the directory's place. */
export function messagesIn(directory: string): string[] {
  if (!lookAt(directory)?.isDirectory()) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && !isTemporaryName(entry.name))
    .map((entry) => entry.name)
}

/** Marks messages as delivered. */
export function markSeen(task: TaskPaths, messages: readonly Message[]): void {
  for (const message of messages) {
    try {
      renameSync(join(task.inbox, message.name), join(task.inboxSeen, message.name))
    } catch (error) {
      // Gone, or a worker has put something else in the directory's place.
      if (!['ENOENT', 'ENOTDIR'].includes(errno(error) ?? '')) throw error
    }
  }
}
