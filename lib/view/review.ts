/** What `spawn --split`, `accept` and `reject` answer. Pure. */
import type { Answer } from '../kit/cli.ts'
import { oneLine, plural, table } from '../kit/text.ts'
import type { Task } from '../state/tasks.ts'
import { brief, onward } from './answers.ts'

interface SpawnedView {
  readonly task: Task
  readonly created: boolean
  readonly blocked: string | null
}

export function splitAnswer(spawned: readonly SpawnedView[]): Answer {
  const made = spawned.filter(({ created }) => created).length
  const there = spawned.length - made
  return {
    data: { tasks: spawned.map(record) },
    text: [
      `${plural(made, 'task')} made${there > 0 ? `, ${there} there already with this spec` : ''}`,
      ...table(spawned.map(row)),
    ],
    next: [onward],
  }
}

export function acceptAnswer(
  accepted: readonly {
    readonly task: Task
    readonly made: readonly SpawnedView[]
    readonly renamed: ReadonlyMap<string, string>
  }[],
): Answer {
  return {
    data: {
      accepted: accepted.map(({ task, made, renamed }) => ({
        ...brief(task),
        tasks: made.map(record),
        renamed: Object.fromEntries(renamed),
      })),
    },
    text: accepted.flatMap(({ task, made, renamed }) => [
      oneLine(whatBecame(task, made), 200),
      ...[...renamed].map(([asked, id]) => `${asked} is ${id}: there is another task ${asked}`),
      ...(made.some((one) => one.task.id !== task.id) ? table(made.map(row)) : []),
    ]),
    next: [onward],
  }
}

function whatBecame(task: Task, made: readonly SpawnedView[]): string {
  const { id, state, spec_revision } = task.status
  if (made.length === 0) return `landing: ${id}`
  if (made.some((one) => one.task.id !== id))
    return `${id} is ${state}: ${plural(made.length, 'task')} of its plan`
  const why = made[0]?.blocked
  return `${id} has its plan for a spec (revision ${spec_revision}) and is ${state}${why ? `: ${why}` : ''}`
}

export function rejectAnswer({ task, blocked }: SpawnedView): Answer {
  const { id, state } = task.status
  return {
    data: { task: brief(task), blocked },
    text: [
      `${id} is ${state}; its worker is told why it was rejected${blocked ? `; it waits: ${blocked}` : ''}`,
    ],
    next: [onward],
  }
}

const record = ({ task, created, blocked }: SpawnedView) => ({ ...brief(task), created, blocked })

const row = ({ task, blocked }: SpawnedView): string[] => [
  task.id,
  task.status.state,
  blocked ? `waits: ${oneLine(blocked, 60)}` : '',
]
