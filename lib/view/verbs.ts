/** Every verb's command line, in one table: it parses them and it documents them. */
import type { VerbSpec } from '../kit/cli.ts'
import { repositoryVerbs } from './repository-verbs.ts'
import { workerVerbs } from './worker-verbs.ts'

const spec = {
  type: 'string',
  value: 'FILE|-',
  help: 'the spec: Markdown with optional YAML front matter; - reads stdin',
} as const
const timeout = {
  type: 'string',
  value: 'TIME',
  default: '10m',
  help: 'give up after this long (90s, 10m, 2h); exit code 7',
} as const

export const verbs = {
  init: {
    name: 'init',
    summary:
      'sets a repository up for you and for the orchestrator; again: brings it up to date, edits are kept',
    positionals: '',
    min: 0,
    max: 0,
    options: {
      uninstall: { type: 'boolean', help: 'take out again what it put there; tasks and edits stay' },
    },
    example: 'dirigent init',
  },
  spawn: {
    name: 'spawn',
    summary: 'creates a task from a spec and starts it; returns at once',
    positionals: '[id]',
    min: 0,
    max: 1,
    options: {
      spec: { ...spec, required: true },
      plan: {
        type: 'boolean',
        help: 'the spec is a brief: the worker writes the full one, for you to accept',
      },
      split: { type: 'boolean', help: 'one task for each `## Task ID: TITLE` section of the spec' },
    },
    detail: 'Without an id, it is made from the title. The same id and the same spec again change nothing.',
    example: 'dirigent spawn add-login --spec specs/login.md',
  },
  status: {
    name: 'status',
    summary: 'what needs you, what works, what waits; or one task in full',
    positionals: '[id]',
    min: 0,
    max: 1,
    options: {
      all: { type: 'boolean', help: 'ended tasks too' },
      watch: { type: 'boolean', help: 'print again whenever something changes, until interrupted' },
    },
    example: 'dirigent status add-login',
  },
  wait: {
    name: 'wait',
    summary: 'blocks until something needs you, or until everything has settled',
    positionals: '[id…]',
    min: 0,
    max: 1000,
    options: {
      until: {
        type: 'string',
        value: 'attention|settled',
        default: 'attention',
        help: 'attention: a task needs you or all have settled; settled: none is under way',
      },
      since: {
        type: 'string',
        value: 'CURSOR',
        help: 'tell (and wake for) only what is new since the wait that ended with this cursor',
      },
      timeout,
    },
    detail:
      'It ends with a cursor and consumes nothing: cut at any time, the same cursor gives the same news. A cursor goes with the ids that it was given for.',
    example: 'dirigent wait --since 1k2f-a30c --timeout 9m',
  },
  log: {
    name: 'log',
    summary: 'what happened to a task, newest last',
    positionals: 'id',
    min: 1,
    max: 1,
    options: {
      follow: { type: 'boolean', help: 'go on printing until the task settles' },
      raw: { type: 'boolean', help: 'the newest attempt’s own event stream (JSON lines)' },
      lines: { type: 'string', value: 'N', default: '30', help: 'how many' },
    },
    example: 'dirigent log add-login --follow',
  },
  diff: {
    name: 'diff',
    summary: 'what a task has changed so far, uncommitted work included; or what it landed',
    positionals: 'id',
    min: 1,
    max: 1,
    options: {
      stat: { type: 'boolean', help: 'files and figures only' },
      full: { type: 'boolean', help: 'all of it, however long (otherwise 40 lines)' },
    },
    example: 'dirigent diff add-login --stat',
  },
  stop: {
    name: 'stop',
    summary: 'ends the live attempt cleanly; the work is kept',
    positionals: 'id',
    min: 1,
    max: 1,
    options: {
      cancel: { type: 'boolean', help: 'end the task too: its work is kept under refs/dirigent/kept/' },
    },
    example: 'dirigent stop add-login --cancel',
  },
  send: {
    name: 'send',
    summary: 'a message to the worker, or the answer to its question; when this returns it will not be lost',
    positionals: 'id [TEXT]',
    min: 1,
    max: 2,
    options: {
      file: { type: 'string', value: 'FILE|-', help: 'the message, instead of TEXT; - reads stdin' },
      id: {
        type: 'string',
        value: 'NAME',
        help: 'of the message: sent again with the same, it changes nothing',
      },
      from: {
        type: 'string',
        value: 'orchestrator|person|supervisor',
        default: 'orchestrator',
        help: 'whose words they are',
      },
      urgent: { type: 'boolean', help: 'interrupt the worker now; it goes on with this' },
      free: { type: 'boolean', help: 'an answer that is none of the options of its question' },
      note: { type: 'boolean', help: 'not the answer to its question, although it has one' },
    },
    detail:
      'At most 64 kB. It does not disturb a worker that is at work, unless it is urgent. To a task that asks, it is the answer: the task goes on with it.',
    example: "dirigent send add-login 'Use the blue one.'",
  },
  'ask-worker': {
    name: 'ask-worker',
    summary:
      'asks a task’s worker something on the side: a copy of its thread answers, and it is not disturbed',
    positionals: 'id TEXT',
    min: 2,
    max: 2,
    options: {
      timeout: {
        type: 'string',
        value: 'TIME',
        default: '2m',
        help: 'wait at most this long; exit code 7',
      },
    },
    detail: 'It costs about what the thread holds. The answer is kept in log/answers/ of the task.',
    example: "dirigent ask-worker add-login 'What is left to do?'",
  },
  respawn: {
    name: 'respawn',
    summary: 'another attempt, with a refined spec if given; the work done so far is kept',
    positionals: 'id',
    min: 1,
    max: 1,
    options: {
      spec,
      fresh: {
        type: 'boolean',
        help: 'begin again from the base; what there was is kept under refs/dirigent/kept/',
      },
    },
    example: 'dirigent respawn add-login --spec specs/login-2.md',
  },
  accept: {
    name: 'accept',
    summary: 'accepts what is under review: a change lands, a plan becomes its task’s spec or several tasks',
    positionals: 'id…',
    min: 1,
    max: 1000,
    options: {},
    detail:
      'A plan is in the report.md of its task; mend it there first, if you like. Cut short, the same command does the rest.',
    example: 'dirigent accept add-login',
  },
  reject: {
    name: 'reject',
    summary: 'sends what is under review back to the worker, which is told why; no try is used up',
    positionals: 'id WHY',
    min: 2,
    max: 2,
    options: {},
    example: "dirigent reject add-login 'Use the form that is there.'",
  },
  land: {
    name: 'land',
    summary: 'lands changes that wait: after a review, or once the main checkout is out of the way',
    positionals: 'id…',
    min: 1,
    max: 1000,
    options: {},
    example: 'dirigent land add-login',
  },
  build: {
    name: 'build',
    summary: 'runs a command under the build lock and ends with its exit code',
    positionals: '-- COMMAND…',
    min: 1,
    max: 10_000,
    options: {
      timeout: { type: 'string', value: 'TIME', help: 'wait at most this long for the lock; exit code 7' },
    },
    passThrough: true,
    detail: 'The command is given word by word; with && or a pipe in it: dirigent build -- sh -c "…"',
    example: 'dirigent build -- npm test',
  },
  ...repositoryVerbs,
  ...workerVerbs,
} as const satisfies Record<string, VerbSpec>

export type VerbName = keyof typeof verbs
