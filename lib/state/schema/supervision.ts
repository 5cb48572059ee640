/** What the supervisor and those who start tasks share: cool-down, usage of a day, escalations, an outage. */
import * as z from 'zod/mini'
import { failureClass, natural, positive, time, version } from './common.ts'

/** `cool-down.json`: providers whose limit was hit. Nothing is started for one before its time. */
export const coolDown = z.strictObject({
  version,
  providers: z.record(
    z.string(),
    z.strictObject({
      until: time,
      class: failureClass,
      message: z.string(),
      /** Whose attempt met it. */
      task: z.string(),
      at: time,
      /** How often in a row: the pause grows while the provider does not say how long. */
      times: positive,
    }),
  ),
})
export type CoolDown = z.infer<typeof coolDown>

/** A line of `usage/<day>.jsonl`: what one attempt used on that day. The last line of an attempt counts. */
export const usageLine = z.strictObject({
  at: time,
  task: z.string(),
  attempt: positive,
  tokens: natural,
  minutes: z.number(),
})
export type UsageLine = z.infer<typeof usageLine>

export const channel = z.enum(['command', 'webhook', 'desktop'])
export type Channel = z.infer<typeof channel>

/** `locks/escalations.json`: what needs somebody, and who has been told so far. */
export const escalations = z.strictObject({
  version,
  /** The command that wakes the orchestrator, until it was seen to have ended: its mark is in its environment. */
  wake: z.nullable(z.strictObject({ pid: positive, mark: z.string(), started: time })),
  tasks: z.record(
    z.string(),
    z.strictObject({
      /** What it is about: state, time and reason, so that the same trouble is told once. */
      key: z.string(),
      /** When it began. */
      since: time,
      /** When the orchestrator was told: woken, or by a `wait` that listened. */
      woken: z.nullable(time),
      /** When a person was told, by the ways that worked. */
      told: z.partialRecord(channel, time),
      /** Tries in a row to tell a person that failed, when the next is due, and what went wrong last. */
      failed: natural,
      retry_at: z.nullable(time),
      problem: z.nullable(z.string()),
    }),
  ),
})
export type Escalations = z.infer<typeof escalations>
export type Escalation = Escalations['tasks'][string]

/** `locks/outage.json`: the last time that most workers were found dead at once. */
export const outage = z.strictObject({
  version,
  at: time,
  /** Its losses do not count: it was the first for a while. */
  spared: z.boolean(),
  /** Task → its epoch: that very loss. */
  lost: z.record(z.string(), natural),
})
export type Outage = z.infer<typeof outage>

/** `vitals.json` of an attempt: when each sign of life was last seen. */
export const vitals = z.strictObject({
  version,
  at: time,
  /** Used by what the worker started, when that was last seen to use some. */
  cpu_ms: natural,
  cpu_moved: time,
  /** The newest change in the worktree, as of the last time that it was looked for. */
  files_changed: time,
  /** When the worker was last seen to wait for what has a limit of its own: the build lock, the model. */
  excused: z.nullable(time),
  /** The worker was told that it seems to stand still; null: it was not, or has moved since. */
  nudged: z.nullable(time),
  /** The worker said that it waits for something until then. */
  waits_until: z.nullable(time),
  drift_looked: z.nullable(time),
})
export type Vitals = z.infer<typeof vitals>
