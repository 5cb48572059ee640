/** Records to try rules on: an ordinary task, and what is different about it; and the texts of workers as they come with us. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sayer, type TextName } from '../../lib/rules/texts.ts'
import type { TaskFailure } from '../../lib/state/schema/common.ts'
import type { Status } from '../../lib/state/schema/status.ts'
import { type Different, statusWith } from '../support/records.ts'
import { root } from '../support/sandbox.ts'

export const textOf = (name: TextName): string =>
  readFileSync(join(root, 'skill', 'prompts', `${name}.md`), 'utf8')
export const say = sayer(textOf)

export const now = new Date('2030-01-01T12:00:00.000Z')
export const at = (seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString()

export function task({ settings, ...different }: Different = {}): Status {
  const ordinary = statusWith('a-task', settings ? { settings } : {})
  return {
    ...ordinary,
    title: 'A task',
    state: 'running',
    reason: null,
    created: at(-3600),
    since: at(-600),
    attempt: 1,
    epoch: 1,
    workplace: {
      branch: 'dirigent/a-task',
      worktree: '/repo/.orchestrator-state/worktrees/a-task',
      git_dir: '/repo/.git/worktrees/a-task',
      start: 'a'.repeat(40),
      prepared: true,
      included: [],
      resetting: null,
      ports: { base: 20_000, count: 10 },
    },
    ...different,
  }
}

/** A note by a person, as a prompt is given it. */
export const mail = (id: string, text: string) =>
  ({ id, name: `${id}.md`, kind: 'note', from: 'person', at: '2026-02-03T04:05:06.789Z', text }) as const

export const failure = (kind: TaskFailure['class'], different: Partial<TaskFailure> = {}): TaskFailure => ({
  class: kind,
  message: 'it went wrong',
  retryable: true,
  retry_at: null,
  detail: null,
  ...different,
})
