/** Command lines beside the verbs of the table: what Dirigent starts itself, and help. */
import type { VerbSpec } from '../kit/cli.ts'

/** The runner's own command line; it is started by `dispatch`, never typed. */
export const runnerVerb = {
  name: 'run',
  summary: 'owns one attempt of a task; started by Dirigent itself',
  positionals: 'id',
  min: 1,
  max: 1,
  options: { epoch: { type: 'string', value: 'N', help: 'of the task, when it was decided to start it' } },
  example: 'dirigent run add-login --epoch 1',
} as const satisfies VerbSpec

/** Asked by the hooks of a worker; never typed. */
export const hookVerb = {
  name: 'hook',
  summary:
    'makes a heavy command take its turn, hands over mail; asked by the hooks that Dirigent gives its workers',
  positionals: 'event shims|task [attempt] [name of the event]',
  min: 2,
  max: 4,
  options: {},
  example: 'dirigent hook pre-tool-use 0123456789abcdef',
} as const satisfies VerbSpec

/** `dirigent` alone, `dirigent help VERB`, and what an unknown verb comes to. */
export const helpVerb = {
  name: 'help',
  summary: 'the verbs, or one of them',
  positionals: '[verb]',
  min: 0,
  max: 1,
  options: {
    version: { type: 'boolean', help: 'which Dirigent this is' },
    completions: {
      type: 'string',
      value: 'bash|zsh',
      help: 'what a shell runs so that it completes our words',
    },
  },
  example: 'dirigent help spawn',
} as const satisfies VerbSpec
