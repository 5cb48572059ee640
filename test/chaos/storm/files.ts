/** The files of a world after the storm: every record and every line must be readable. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { errno } from '../../../lib/kit/errors.ts'
import { statePaths, type TaskPaths } from '../../../lib/state/paths.ts'
import { readRecord } from '../../../lib/state/record.ts'
import { exit, result } from '../../../lib/state/schema/attempt.ts'
import { type Status, status } from '../../../lib/state/schema/status.ts'
import type { Sandbox } from '../../support/sandbox.ts'

/** Every JSON file of every task is read by its schema, every line of JSONL as JSON. */
export function readTasks(box: Sandbox, unreadable: string[]): Map<string, Status> {
  const found = new Map<string, Status>()
  for (const paths of taskDirectories(box)) {
    const name = relative(box.state, paths.directory)
    try {
      const read = readRecord(paths.status, status)
      if (read) found.set(read.id, read)
      else unreadable.push(`${name} has no status.json`)
      readRecord(paths.result, result)
      for (let n = 1; n <= (read?.attempt ?? 0); n++) {
        readRecord(paths.attempt(n).exit, exit)
        readRecord(paths.attempt(n).result, result)
      }
    } catch (error) {
      unreadable.push(`${name}: ${error}`)
    }
  }
  for (const path of filesBelow(box.state, ['git', 'worktrees'])) {
    if (path.endsWith('.json')) parse(path, readFileSync(path, 'utf8'), unreadable)
    if (!path.endsWith('.jsonl')) continue
    const text = readFileSync(path, 'utf8')
    // The worker's own stream ends where the worker was killed.
    const whole = path.endsWith('worker.jsonl') ? text.slice(0, text.lastIndexOf('\n') + 1) : text
    for (const line of whole.split('\n').filter((line) => line !== '')) parse(path, line, unreadable)
  }
  return found
}

function parse(path: string, text: string, unreadable: string[]): void {
  try {
    JSON.parse(text)
  } catch (error) {
    unreadable.push(`${path}: ${error}: ${text.slice(0, 80)}`)
  }
}

function taskDirectories(box: Sandbox): TaskPaths[] {
  const paths = statePaths(box.repo)
  const live = names(paths.tasks).filter((name) => !name.startsWith('.'))
  return [
    ...live.map((name) => paths.task(name)),
    ...names(paths.archive).flatMap((month) =>
      names(join(paths.archive, month)).map((name) => paths.archived(month, name)),
    ),
  ]
}

/** Regular files. */
export function filesBelow(directory: string, without: readonly string[]): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (without.includes(entry.name)) return []
    if (entry.isDirectory()) return filesBelow(path, without)
    return entry.isFile() ? [path] : []
  })
}

export function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : []
}

/** None where there is no such file. */
export function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}
