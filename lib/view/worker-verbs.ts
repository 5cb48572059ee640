/** The command lines of verbs that are for workers; the others: `verbs.ts`. */
import type { VerbSpec } from '../kit/cli.ts'

export const workerVerbs = {
  ask: {
    name: 'ask',
    summary:
      'for workers: files a question; the worker then ends its turn, and is started again with the answer',
    positionals: '[TEXT]',
    min: 0,
    max: 1,
    options: {
      file: { type: 'string', value: 'FILE|-', help: 'the question, instead of TEXT; - reads stdin' },
      option: {
        type: 'string',
        value: 'ANSWER',
        repeated: true,
        help: 'one that may be given; again for each',
      },
      default: { type: 'string', value: 'ANSWER', help: 'what the worker would do without an answer' },
      by: {
        type: 'string',
        value: 'TIME',
        help: 'the default is the answer when nobody has given one in this time',
      },
    },
    detail: 'Asked again, it is the same question; once it was answered, this prints the answer.',
    example: "dirigent ask 'Red or blue?' --option red --option blue --default blue --by 30m",
  },
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
  checkpoint: {
    name: 'checkpoint',
    summary:
      'for workers: writes down where it is (Done, Now, Next, Notes), for the attempt that goes on from there',
    positionals: '',
    min: 0,
    max: 0,
    options: {
      file: { type: 'string', value: 'FILE|-', help: 'the checkpoint; default: stdin' },
    },
    detail:
      'Markdown with the sections ## Done, ## Now, ## Next and ## Notes, at most 8 kB. The one before goes to the log.',
    example: 'dirigent checkpoint --file notes.md',
  },
} as const satisfies Record<string, VerbSpec>
