/** `config.yaml`: settings of one repository. Everything has a default. */
import * as z from 'zod/mini'
import { heavyPrograms } from '../heavy-programs.ts'
import { natural, positive, workerKind } from './common.ts'

const text = z.string().check(z.minLength(1))
const minutes = z.number().check(z.positive())
/** The name of a program, not a path: it becomes the name of a file. */
const program = z.string().check(z.regex(/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/))
/** Words with one space between them, each perhaps with `*` at its end; or `!word` (`heavy-programs.ts`). */
const subCommand = z
  .string()
  .check(z.regex(/^(?!!.* )!?(?:\*|[\w.:/@+=,-]+\*?)(?: (?:\*|[\w.:/@+=,-]+\*?))*$/))
const shim = z.record(program, z.array(subCommand))
const defaultShim = Object.fromEntries(
  Object.entries(heavyPrograms).map(([name, words]) => [name, [...words]]),
)

export const config = z.strictObject({
  version: z.literal(1),
  /** Branch that changes land on; `origin/main` means main, kept fresh from origin. Default: the branch checked out. */
  base: z.optional(text),
  /** Workers at once. Default: from cores and memory. */
  max_workers: z.optional(positive.check(z.maximum(1000))),
  /** Checks of a spec that names none. */
  verify: z._default(z.array(text), []),
  attempts: z._default(positive.check(z.maximum(100)), 3),
  budget: z._default(z.strictObject({ minutes: z.optional(minutes), tokens: z.optional(positive) }), {
    minutes: 60,
  }),
  /** Of all tasks together, from midnight to midnight where Dirigent runs. Default: none. */
  day_budget: z._default(z.strictObject({ minutes: z.optional(minutes), tokens: z.optional(positive) }), {}),
  prompt: z._default(
    z.strictObject({
      max_bytes: z._default(z.int().check(z.minimum(16_384), z.maximum(1024 * 1024)), 98_304),
    }),
    { max_bytes: 98_304 },
  ),
  /** After an answer or an urgent message the worker's own thread goes on when it holds at most so many tokens. */
  resume: z._default(z.strictObject({ max_tokens: z._default(natural, 120_000) }), { max_tokens: 120_000 }),
  supervise: z._default(
    z.strictObject({
      /** Started by the verbs that start tasks. */
      auto: z._default(z.boolean(), true),
      every_seconds: z._default(z.number().check(z.minimum(0.1), z.maximum(3600)), 10),
    }),
    { auto: true, every_seconds: 10 },
  ),
  stall: z._default(
    z.strictObject({
      /** Nothing at all for so long: the worker is nudged; 0: never. */
      minutes: z._default(z.number().check(z.minimum(0)), 10),
      /** Nothing for so long after that: another attempt begins. */
      grace_minutes: z._default(z.number().check(z.minimum(0)), 5),
    }),
    { minutes: 10, grace_minutes: 5 },
  ),
  /** Minutes between looks whether a worker keeps to its spec; 0: never. */
  drift: z._default(z.strictObject({ every: z._default(z.number().check(z.minimum(0)), 20) }), { every: 20 }),
  /** How a person is told what nobody has taken care of. */
  notify: z._default(
    z.strictObject({
      command: z._default(z.nullable(text), null),
      /** The protocol a second time, as editors can read it. */
      webhook: z._default(z.nullable(z.url({ protocol: /^https?$/ }).check(z.regex(/^https?:/i))), null),
      desktop: z._default(z.boolean(), false),
      after_minutes: z._default(z.number().check(z.minimum(0)), 10),
    }),
    { command: null, webhook: null, desktop: false, after_minutes: 10 },
  ),
  /** Run when something needs the orchestrator and no `wait` listens. */
  wake: z._default(z.nullable(text), null),
  /** Of specs that name none. */
  worker: z._default(workerKind, 'codex'),
  /** Of workers of that kind. */
  model: z.optional(text),
  effort: z.optional(text),
  codex: z._default(
    z.strictObject({
      path: z._default(z.nullable(text), null),
      user_config: z._default(z.boolean(), false),
      mcp_servers: z._default(z.array(text), []),
      config: z._default(z.record(z.string(), z.unknown()), {}),
      flags: z._default(z.array(text), []),
    }),
    { path: null, user_config: false, mcp_servers: [], config: {}, flags: [] },
  ),
  claude: z._default(
    z.strictObject({
      path: z._default(z.nullable(text), null),
      user_config: z._default(z.boolean(), false),
      flags: z._default(z.array(text), []),
    }),
    { path: null, user_config: false, flags: [] },
  ),
  command: z._default(
    z.strictObject({ run: z._default(z.nullable(text), null), env: z._default(z.array(text), []) }),
    { run: null, env: [] },
  ),
  worktree: z._default(
    z.strictObject({ setup: z._default(z.nullable(text), null), setup_minutes: z._default(minutes, 15) }),
    { setup: null, setup_minutes: 15 },
  ),
  ports: z._default(
    z.strictObject({
      from: z._default(z.int().check(z.minimum(1024), z.maximum(60_000)), 20_000),
      count: z._default(positive.check(z.maximum(1000)), 10),
    }),
    { from: 20_000, count: 10 },
  ),
  check_minutes: z._default(minutes, 30),
  build: z._default(
    z.strictObject({
      /** Heavy commands at once. */
      slots: z._default(positive.check(z.maximum(100)), 1),
      /** Whom they take turns with: every repository on this machine, or this one alone. */
      scope: z._default(z.enum(['machine', 'repository']), 'machine'),
      /** Program → its heavy sub-commands, which a worker is made to run in its turn. Empty: none is. */
      shim: z._default(shim, defaultShim),
    }),
    { slots: 1, scope: 'machine', shim: defaultShim },
  ),
  /** Seconds between SIGINT, SIGTERM and SIGKILL when a worker is stopped. */
  stop_grace_seconds: z._default(z.number().check(z.minimum(0)), 5),
  /** Branches (globs) that no worker may move; the base always is one. */
  protected: z._default(z.array(text), []),
  /** Environment variables (globs) withheld from workers, beside the built-in list. */
  withhold: z._default(z.array(text), []),
  land: z._default(z.strictObject({ via: z._default(z.literal('local'), 'local') }), { via: 'local' }),
})
export type Config = z.infer<typeof config>
