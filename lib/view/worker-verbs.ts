/** The command lines of verbs that are for workers; the others: `verbs.ts`. */
import type { VerbSpec } from '../kit/cli.ts'

export const workerVerbs = {
  tell: {
    name: 'tell',
    summary: 'for workers: says how it goes, to whoever looks at the task',
    positionals: '[TEXT]',
    min: 0,
    max: 1,
    options: {
      file: { type: 'string', value: 'FILE|-', help: 'the message, instead of TEXT; - reads stdin' },
      waiting: {
        type: 'string',
        value: 'TIME',
        help: 'it waits for something, at most this long: nobody takes it for stalled before (90s, 20m)',
      },
    },
    detail: 'At most 4 kB. Nobody is woken by it.',
    example: "dirigent tell 'The import runs.' --waiting 20m",
  },
  inbox: {
    name: 'inbox',
    summary: 'for workers: prints the messages that are unread, and marks them as delivered',
    positionals: '',
    min: 0,
    max: 0,
    options: {},
    example: 'dirigent inbox',
  },
} as const satisfies Record<string, VerbSpec>
