/** Files of one attempt: `refs.json`, `messages.json`, `exit.json`, `result.json`; and `stop.json`, a request to end it. */
import * as z from 'zod/mini'
import { failure, natural, positive, time, usage, version } from './common.ts'

export const exit = z.strictObject({
  version,
  attempt: positive,
  /** Of the runner that published it; 0 before this was written down. */
  epoch: z._default(natural, 0),
  started: time,
  ended: time,
  model: z.nullable(z.string()),
  thread: z.nullable(z.string()),
  /** It went on with that thread; false: it began with the checkpoint. */
  resumed: z._default(z.boolean(), false),
  exit_code: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  failure: z.nullable(failure),
  usage,
  minutes: z.number(),
  /** Processes the worker left behind, ended by us. */
  swept: natural,
  /** The branch's tip when the attempt began and when the worker ended. */
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
})
export type AttemptExit = z.infer<typeof exit>

/** How things were when the worker started: what it moved, and whether it wrote a checkpoint, is seen by them at its end. */
export const refs = z.strictObject({
  version,
  refs: z.record(z.string(), z.string()),
  /** Bytes that the log of the main checkout's HEAD had; -1 without one. */
  head_log: z.int(),
  /** sha256 of the checkpoint; null without one. */
  checkpoint: z._default(z.nullable(z.string()), null),
})

/** Which messages the attempt's worker was given, by name, kind and text; and which of its own were noticed. */
export const told = z.strictObject({
  version,
  messages: z.array(
    z.strictObject({
      name: z.string(),
      sha256: z.string(),
      how: z._default(z.enum(['prompt', 'hook', 'inbox']), 'prompt'),
      /** Null for one that was to be in the prompt of a worker that did not start. */
      delivered: z._default(z.nullable(time), null),
      /** When the model first went on after it had it. */
      acknowledged: z._default(z.nullable(time), null),
    }),
  ),
  /** Messages in the outbox that the trail tells of, by name. */
  heard: z._default(z.array(z.string()), []),
})
export type ToldRecord = z.infer<typeof told>
export type Told = ToldRecord['messages'][number]

export const check = z.strictObject({
  command: z.string(),
  exit_code: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  timed_out: z.boolean(),
  seconds: z.number(),
  /** Relative to the task's directory. */
  log: z.string(),
})
export type Check = z.infer<typeof check>

export const result = z.strictObject({
  version,
  task: z.string(),
  attempt: positive,
  epoch: positive,
  at: time,
  /** The commit that was proved; null for a report. */
  commit: z.nullable(z.string()),
  /** The tree the checks ran on. */
  tree: z.nullable(z.string()),
  /** What it stands on. */
  base: z.nullable(z.string()),
  checks: z.array(check),
  diff: z.nullable(z.strictObject({ files: natural, insertions: natural, deletions: natural })),
  /** The worker left changes uncommitted; we committed them. */
  leftovers: z.array(z.string()),
  /** Changed files outside the spec's `paths`. */
  outside: z.array(z.string()),
  usage,
})
export type Result = z.infer<typeof result>

export const stop = z.strictObject({
  version,
  at: time,
  cancel: z.boolean(),
  by: z.string(),
  /** The task is to go on with another attempt, which is told this; null: it is to rest. */
  restart: z._default(
    z.nullable(
      z.strictObject({
        /** The attempt that is meant, while it runs: the next one, or its proof, is not to be ended. */
        attempt: positive,
        class: z.enum(['stalled', 'day-budget']),
        message: z.string(),
        not_before: z.nullable(time),
      }),
    ),
    null,
  ),
})
export type StopRequest = z.infer<typeof stop>
