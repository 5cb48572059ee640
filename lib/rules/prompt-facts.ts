/** The facts of a prompt: where the worker is, and what it is held to. Always told, whatever else has to give way. Pure. */
import type { Settings, Status } from '../state/schema/status.ts'
import { size } from './fit.ts'

export interface Facts {
  readonly status: Status
  readonly taskDirectory: string
  readonly specPath: string
}

export function factsOf({ status, taskDirectory, specPath }: Facts): string {
  const { settings, workplace } = status
  return [
    '# Facts',
    '',
    `Task: ${status.id}`,
    `Attempt: ${status.attempt}`,
    `Worktree: ${workplace?.worktree}`,
    `Branch: ${workplace?.branch}, to be landed on ${settings.base.branch}`,
    `Task directory: ${taskDirectory}`,
    `Ports for you: ${workplace?.ports.base} to ${(workplace?.ports.base ?? 0) + (workplace?.ports.count ?? 1) - 1}`,
    ...(settings.plan ? planFacts(settings, specPath) : workFacts(settings, specPath)),
  ].join('\n')
}

function workFacts({ change, paths, verify }: Settings, specPath: string): string[] {
  return [
    ...(change === 'none' ? ['Wanted: a report as your last message. Do not change the repository.'] : []),
    ...(paths.length > 0 ? [`Stay within: ${fitting(paths, specPath).join(', ')}`] : []),
    ...(verify.length > 0
      ? ['Checks that must exit 0 when you are done:', ...commands(verify, specPath)]
      : []),
  ]
}

/** What tasks of the plan are held to where it says nothing, and what is the most that it may say. */
function planFacts({ attempts, budget, paths, verify }: Settings, specPath: string): string[] {
  const most = [
    `${attempts} attempts`,
    ...(budget.minutes === null ? [] : [`${budget.minutes} minutes`]),
    ...(budget.tokens === null ? [] : [`${budget.tokens} tokens`]),
  ]
  return [
    'Wanted: a plan as your last message. Do not change the repository.',
    `Each task of the plan has at most: ${most.join(', ')}`,
    ...(paths.length > 0 ? [`Paths of a task that names none: ${fitting(paths, specPath).join(', ')}`] : []),
    ...(verify.length > 0
      ? ['Checks of a task that names none:', ...commands(verify, specPath)]
      : ['Checks of a task that names none: none']),
  ]
}

const commands = (all: readonly string[], specPath: string): string[] =>
  fitting(all, specPath).map((command) => `- ${command}`)

/** Bytes of a list: a spec can make one as long as it likes. */
const longestList = 2048

/** As many as there is room for, and how many more there are. */
function fitting(all: readonly string[], specPath: string): string[] {
  let room = longestList
  const first = all.findIndex((text) => {
    room -= size(text) + 2
    return room < 0
  })
  return first === -1 ? [...all] : [...all.slice(0, first), `(and ${all.length - first} more: ${specPath})`]
}
