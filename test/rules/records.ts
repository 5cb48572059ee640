/** Records to try rules on: an ordinary task, and what is different about it. */
import type { TaskFailure } from '../../lib/state/schema/common.ts'
import { noUsage } from '../../lib/state/schema/common.ts'
import type { Settings, Status } from '../../lib/state/schema/status.ts'

export const now = new Date('2030-01-01T12:00:00.000Z')
export const at = (seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString()

export type Different = Omit<Partial<Status>, 'settings'> & { readonly settings?: Partial<Settings> }

export function task({ settings, ...different }: Different = {}): Status {
  return {
    version: 1,
    id: 'a-task',
    title: 'A task',
    state: 'running',
    reason: null,
    created: at(-3600),
    since: at(-600),
    spec_revision: 1,
    spec_sha256: '0'.repeat(64),
    settings: {
      needs: [],
      verify: [],
      paths: [],
      worker: 'codex',
      model: null,
      effort: null,
      attempts: 3,
      budget: { minutes: null, tokens: null },
      priority: 0,
      tags: [],
      change: 'branch',
      base: { branch: 'main', remote: null },
      ...settings,
    },
    workplace: {
      branch: 'dirigent/a-task',
      worktree: '/repo/.orchestrator-state/worktrees/a-task',
      git_dir: '/repo/.git/worktrees/a-task',
      start: 'a'.repeat(40),
      prepared: true,
      included: [],
      ports: { base: 20_000, count: 10 },
    },
    attempt: 1,
    epoch: 1,
    tries: 0,
    lost: 0,
    runner: null,
    worker: null,
    activity: null,
    usage: noUsage,
    minutes: 0,
    question: null,
    change: null,
    flags: [],
    failure: null,
    not_before: null,
    ...different,
  }
}

export const failure = (kind: TaskFailure['class'], different: Partial<TaskFailure> = {}): TaskFailure => ({
  class: kind,
  message: 'it went wrong',
  retryable: true,
  retry_at: null,
  detail: null,
  ...different,
})
