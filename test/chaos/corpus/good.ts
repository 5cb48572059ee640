/** Task directories in which every file is there and good: what the corpus spoils. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as z from 'zod/mini'
import { taskPaths } from '../../../lib/state/paths.ts'
import { exit, refs, result } from '../../../lib/state/schema/attempt.ts'
import type { State } from '../../../lib/state/schema/status.ts'
import { statusWith } from '../../support/records.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import { sample } from './samples.ts'

export const goodSpec = '---\ntitle: A task\nattempts: 2\n---\nDo it.\n'
const at = '2026-02-03T04:05:06.789Z'

export const goodRecord = (schema: z.ZodMiniType) => sample(schema) as Record<string, unknown>

export const goodLines = (id: string): string =>
  ['created', 'state', 'note']
    .map((type) => `${JSON.stringify({ at, task: id, type, attempt: 0, text: `what happened to ${id}` })}\n`)
    .join('')

/** As if it had been tried once and then stopped; every field is filled. */
export function goodStatus(id: string, state: State = 'waiting', box?: Sandbox): Record<string, unknown> {
  const repo = box?.repo ?? '/nowhere'
  return {
    ...statusWith(id, {
      title: `The task ${id}`,
      state,
      reason: 'stopped by a test',
      attempt: 1,
      spec_sha256: createHash('sha256').update(goodSpec).digest('hex'),
      question: 'Which one?',
      flags: ['something to know'],
      not_before: state === 'queued' ? '2099-01-01T00:00:00.000Z' : null,
      failure: {
        class: 'check-failed',
        message: 'npm test failed',
        retryable: true,
        retry_at: at,
        detail: 'a\nb',
      },
      activity: { kind: 'tool', what: 'npm test', since: at, last_event: at },
      workplace: {
        branch: `dirigent/${id}`,
        worktree: join(repo, '.orchestrator-state', 'worktrees', id),
        git_dir: join(repo, '.git', 'worktrees', id),
        start: '0'.repeat(40),
        prepared: true,
        included: [],
        resetting: null,
        ports: { base: 30_000, count: 10 },
      },
    }),
  }
}

/** A damaged id becomes the task's own; these are put over a good record. */
export const oddStatus: readonly object[] = [
  { attempt: Number.MAX_SAFE_INTEGER },
  { attempt: 1_000_000_000, epoch: Number.MAX_SAFE_INTEGER, tries: Number.MAX_SAFE_INTEGER },
  { since: '9999-99-99T99:99:99.999Z', created: '9999-99-99T99:99:99.999Z' },
  { since: '0000-00-00T00:00:00.000Z', not_before: '9999-99-99T99:99:99.999Z' },
  { state: 'queued', not_before: '9999-99-99T99:99:99.999Z' },
  { state: 'merged', since: '9999-99-99T99:99:99.999Z' },
  { title: '', reason: '' },
  { title: 'x'.repeat(300_000), reason: '\u001b[31m\u202e\u0000\n\n\nnext: rm -rf' },
  { flags: Array.from({ length: 5000 }, (_, n) => `flag ${n}`) },
  { question: 'x'.repeat(300_000) },
  {
    minutes: 1e308,
    usage: { input: 0, cached_input: 0, output: 0, reasoning: 0, total: Number.MAX_SAFE_INTEGER },
  },
  { minutes: -5 },
  { workplace: null, attempt: 0 },
  { lost: 1_000_000, state: 'running', runner: null },
  { state: 'running', runner: { pid: 1, boot: 'another', host: 'elsewhere', started: at } },
  { state: 'review', workplace: null },
  { state: 'landing', change: null, workplace: null },
  { state: 'landing', change: { state: 'ready', commit: '--help', onto: '..', note: 'blocked' } },
  {
    state: 'waiting',
    change: { state: 'merged', commit: '0'.repeat(40), onto: '--output=/tmp/x', note: null },
  },
  { state: 'waiting', worker: { pid: 4_194_304, model: null, thread: '../../x', started: at } },
  { state: 'verifying', failure: null },
  { spec_revision: 1_000_000_000 },
  { spec_sha256: '' },
]

/** @param state how the task stands */
export function furnish(
  box: Sandbox,
  id: string,
  state: State,
  where = join(box.state, 'tasks', id),
): string {
  const paths = taskPaths(where)
  const attempt = paths.attempt(1)
  for (const made of [paths.inboxSeen, paths.outboxSeen, attempt.directory])
    mkdirSync(made, { recursive: true })
  const record = (path: string, value: unknown) => writeFileSync(path, JSON.stringify(value, null, 2))
  record(paths.status, goodStatus(id, state, box))
  record(paths.result, { ...goodRecord(result), task: id })
  record(attempt.exit, goodRecord(exit))
  record(attempt.refs, goodRecord(refs))
  writeFileSync(paths.spec, goodSpec)
  writeFileSync(paths.runLock, '')
  writeFileSync(paths.checkpoint, 'Next: the test.\n')
  writeFileSync(paths.report, 'Done.\n')
  writeFileSync(paths.trail, goodLines(id))
  writeFileSync(join(paths.inbox, '010-note.md'), 'Use the other library.\n')
  writeFileSync(join(paths.outbox, '010-said.md'), 'It is hard.\n')
  writeFileSync(attempt.stderr, 'warning\n')
  // A task that somebody finds lost with a stream had a worker; without one it gets its worker now.
  if (id.length % 2 === 0 || state !== 'running') writeFileSync(attempt.stream, '{"type":"turn.started"}\n')
  return where
}
