/**
 * The inbox: one file per message. Unread files lie in inbox/, delivered ones in inbox/seen/; the
 * move is the receipt. Files that are not text, too large or still being written are left where
 * they are.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errno, Failure } from '../kit/errors.ts'
import { isTemporaryName, readBounded } from '../kit/files.ts'
import type { TaskPaths } from './paths.ts'

const messageLimit = 64 * 1024

export interface Message {
  readonly name: string
  readonly text: string
}

/** Unread messages in the order of their names. */
export function unread(task: TaskPaths): Message[] {
  if (!existsSync(task.inbox)) return []
  const messages: Message[] = []
  for (const entry of readdirSync(task.inbox, { withFileTypes: true })) {
    if (!entry.isFile() || isTemporaryName(entry.name) || !entry.name.endsWith('.md')) continue
    try {
      const bytes = readBounded(join(task.inbox, entry.name), messageLimit)
      if (bytes) messages.push({ name: entry.name, text: bytes.toString() })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return messages.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function countUnread(task: TaskPaths): number {
  return existsSync(task.inbox)
    ? readdirSync(task.inbox).filter((name) => name.endsWith('.md') && !isTemporaryName(name)).length
    : 0
}

/** Marks messages as delivered. */
export function markSeen(task: TaskPaths, messages: readonly Message[]): void {
  for (const message of messages) {
    try {
      renameSync(join(task.inbox, message.name), join(task.inboxSeen, message.name))
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw error
    }
  }
}
