/** `status.json`: the decided state of one task. Health is not here: it is observed and derived. */
import * as z from 'zod/mini'
import { failure, natural, positive, time, usage, version, workerKind } from './common.ts'

export const state = z.enum([
  'queued',
  'running',
  'waiting',
  'verifying',
  'review',
  'landing',
  'merged',
  'done',
  'failed',
  'cancelled',
])
export type State = z.infer<typeof state>

/** What the spec asked for, with the configuration's defaults filled in when the task was spawned. */
export const settings = z.strictObject({
  needs: z.array(z.string()),
  verify: z.array(z.string()),
  paths: z.array(z.string()),
  worker: workerKind,
  model: z.nullable(z.string()),
  effort: z.nullable(z.string()),
  attempts: positive,
  budget: z.strictObject({ minutes: z.nullable(z.number()), tokens: z.nullable(positive) }),
  priority: z.int(),
  tags: z.array(z.string()),
  /** `branch`: a commit is wanted and lands. `none`: the report is the result. */
  change: z.enum(['branch', 'none']),
  base: z.strictObject({ branch: z.string(), remote: z.nullable(z.string()) }),
  /** The report is to be a spec, or several, for `accept`. */
  plan: z._default(z.boolean(), false),
})
export type Settings = z.infer<typeof settings>

/** The task's worktree as we made it; git is pinned to these, whatever the worker writes. */
export const workplace = z.strictObject({
  branch: z.string(),
  worktree: z.string(),
  /** The worktree's own directory inside the repository's git directory. */
  git_dir: z.string(),
  /** The commit it began at. */
  start: z.string(),
  /** `worktree.setup` has succeeded, or there is none. */
  prepared: z.boolean(),
  /** Files that .worktreeinclude brought and git would not ignore: never committed as leftovers. */
  included: z.array(z.string()),
  /** The commit that the worktree is being brought to; null when nothing is under way. */
  resetting: z._default(z.nullable(z.string()), null),
  ports: z.strictObject({ base: natural, count: positive }),
})
export type Workplace = z.infer<typeof workplace>

/** What the worker is doing, copied from its event stream. A hint: it may be a second old. */
export const activity = z.strictObject({
  kind: z.enum([
    'starting',
    'thinking',
    'tool',
    'reconnecting',
    'checking',
    'landing',
    'build-lock',
    'ended',
  ]),
  what: z.nullable(z.string()),
  since: time,
  last_event: time,
})
export type Activity = z.infer<typeof activity>

/** A question of the worker's that nobody has answered; its text is `question`. */
export const asked = z.strictObject({
  /** The message in the outbox, and what the answer is `re`. */
  id: z.string(),
  options: z.array(z.string()),
  /** The answer when nobody has given one by `by`. */
  default: z.nullable(z.string()),
  by: z.nullable(time),
})
export type Asked = z.infer<typeof asked>

export const status = z.strictObject({
  version,
  id: z.string(),
  title: z.string(),
  state,
  /** Why it is in this state; for people. */
  reason: z.nullable(z.string()),
  created: time,
  /** When this state began. */
  since: time,
  spec_revision: positive,
  /** sha256 of spec.md, to recognise the same spec again. */
  spec_sha256: z.string(),
  settings,
  workplace: z.nullable(workplace),
  /** Number of the latest attempt; 0 before the first. */
  attempt: natural,
  /** Raised by every runner that takes the task. */
  epoch: natural,
  /** Attempts that count against `attempts`. */
  tries: natural,
  /** Attempts lost in a row to crashes of ours or the machine's; they do not count as tries, and are bounded too. */
  lost: natural,
  /** Attempts in a row that a limit of the provider ended; they do not count as tries, and are bounded too. */
  limited: z._default(natural, 0),
  /** Attempts in a row that were begun for messages alone; they do not count as tries, and are bounded too. */
  mailed: z._default(natural, 0),
  /** Revision of the spec that the last prompt had; 0 before the first. */
  told_revision: z._default(natural, 0),
  /** The next attempt goes on with this thread of the worker's; null: it begins with the checkpoint. */
  resume: z._default(z.nullable(z.string()), null),
  /** The process that owns the attempt. A hint: alive means that run.lock is held. */
  runner: z.nullable(
    z.strictObject({
      pid: positive,
      boot: z.string(),
      host: z.string(),
      ticks: z._default(z.nullable(natural), null),
      pid_namespace: z._default(z.nullable(z.string()), null),
      /** Where the worker and the commands of the attempt run, so that whoever finds the runner dead can end them. */
      cgroup: z._default(z.nullable(z.string()), null),
      started: time,
    }),
  ),
  worker: z.nullable(
    z.strictObject({
      pid: positive,
      model: z.nullable(z.string()),
      thread: z.nullable(z.string()),
      started: time,
      /** Of this attempt, so far; may be a second old. */
      tokens: z._default(natural, 0),
    }),
  ),
  activity: z.nullable(activity),
  /** Over all attempts. */
  usage,
  minutes: z.number(),
  question: z.nullable(z.string()),
  asked: z._default(z.nullable(asked), null),
  change: z.nullable(
    z.strictObject({
      state: z.enum(['ready', 'merging', 'conflicted', 'checks-failed', 'merged']),
      /** The commit that is or will be the base's tip. */
      commit: z.nullable(z.string()),
      /** The base's tip that it replaces. */
      onto: z.nullable(z.string()),
      note: z.nullable(z.string()),
    }),
  ),
  /** Things a person should know although the task goes on. */
  flags: z.array(z.string()),
  failure: z.nullable(failure),
  not_before: z.nullable(time),
})
export type Status = z.infer<typeof status>
