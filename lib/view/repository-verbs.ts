/** Verbs that are about the repository as a whole, not one task: their part of the table. */
import type { VerbSpec } from '../kit/cli.ts'

export const repositoryVerbs = {
  lesson: {
    name: 'lesson',
    summary: 'rules that later tasks are told: adds one, lists them, shows or retires one',
    positionals: 'add TEXT|list|show NAME|retire NAME WHY',
    min: 1,
    max: 3,
    actions: { add: [0, 1], list: [0, 0], show: [1, 1], retire: [2, 2] },
    options: {
      file: {
        type: 'string',
        value: 'FILE|-',
        action: 'add',
        help: 'the rule, instead of TEXT; - reads stdin',
      },
      id: { type: 'string', value: 'NAME', action: 'add', help: 'its name (default: made from the rule)' },
      path: {
        type: 'string',
        value: 'GLOB',
        repeated: true,
        action: 'add',
        help: 'only for tasks that may change such files',
      },
      tag: {
        type: 'string',
        value: 'TAG',
        repeated: true,
        action: 'add',
        help: 'only for tasks with this tag',
      },
      task: { type: 'string', value: 'ID', action: 'add', help: 'where it was learned' },
      from: {
        type: 'string',
        value: 'orchestrator|person',
        action: 'add',
        help: 'whose words they are (default: orchestrator)',
      },
      all: { type: 'boolean', action: 'list', help: 'retired ones too' },
    },
    detail: 'At most 2 kB each. They are files in .orchestrator-state/lessons/: edit them, and commit them.',
    example: "dirigent lesson add 'Tests stand beside the code that they test.' --from person",
  },
  supervise: {
    name: 'supervise',
    summary:
      'keeps tasks going with nobody there: takes up what was lost and starts what is due, until nothing is under way',
    positionals: '',
    min: 0,
    max: 0,
    options: { once: { type: 'boolean', help: 'look once, do what is due, say what it was' } },
    detail:
      'There is one for each repository, started by the verbs that start tasks (supervise.auto); another says so and ends. It may be killed at any time.',
    example: 'dirigent supervise --once',
  },
  doctor: {
    name: 'doctor',
    summary:
      'looks for whatever is wrong in the state directory and around it; changes nothing unless told to',
    positionals: '',
    min: 0,
    max: 0,
    options: {
      fix: { type: 'boolean', help: 'mend what can be mended without losing anything' },
      strict: { type: 'boolean', help: 'exit code 1 when anything is left' },
    },
    detail: 'Every code and what to do about it: skill/reference/doctor.md, where Dirigent is installed.',
    example: 'dirigent doctor --fix',
  },
} as const satisfies Record<string, VerbSpec>
