/** The environment a worker (and its checks) gets: the caller's, without what is not a worker's business. Pure. */
import type { Workplace } from '../state/schema/status.ts'

/** Code-host tokens, the orchestrator's own keys, agents and sockets, git steering. `*` matches the rest of a name. */
const withheld = [
  'GH_TOKEN',
  'GH_ENTERPRISE_TOKEN',
  'GITHUB_TOKEN',
  'GITHUB_ENTERPRISE_TOKEN',
  'GITLAB_TOKEN',
  'BITBUCKET_TOKEN',
  'ANTHROPIC_*',
  'CLAUDE*',
  'NPM_TOKEN',
  'NODE_AUTH_TOKEN',
  'SSH_AUTH_SOCK',
  'SSH_ASKPASS',
  'GIT_*',
  'DIRIGENT_*',
]

/** Who commits is theirs to know; the isolated configuration of a test or a container too. */
const passed = /^GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)$|^GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)$/

export interface WorkerPlace {
  readonly id: string
  readonly attempt: number
  readonly taskDirectory: string
  readonly repo: string
  readonly workplace: Workplace
  /** Directory of shims for heavy programs; first on PATH. Null: nothing is heavy. */
  readonly shims: string | null
  /** Directory that holds the worker's verbs; next on PATH. */
  readonly verbs: string
  /** Names this attempt's processes, so that leftovers are found. */
  readonly marker: string
  /** Where heavy commands take their tickets. */
  readonly buildQueue: string
}

const systemPath = '/usr/local/bin:/usr/bin:/bin'

export const markerName = 'DIRIGENT_ATTEMPT'
/** Set for runners and supervisors, and so for what they start for a person (`wake`): whoever called the verb, they are part of no attempt. */
export const ownName = 'DIRIGENT_OWN'
/** Set for workers, so that a command of theirs that moves HOME takes its turn in the same line. */
export const queueName = 'DIRIGENT_BUILD_QUEUE'

/**
 * @param withhold globs of the person's, beside our own list
 * @param needs globs of what this kind of worker signs its requests with, although our own list has it
 */
export function workerEnvironment(
  caller: NodeJS.ProcessEnv,
  place: WorkerPlace,
  withhold: readonly string[],
  identity: Readonly<Record<string, string>>,
  needs: readonly string[] = [],
): NodeJS.ProcessEnv {
  const hidden = withhold.map(toPattern)
  const kept = withheld.map(toPattern)
  const needed = needs.map(toPattern)
  const matches = (patterns: readonly RegExp[], name: string) =>
    patterns.some((pattern) => pattern.test(name))
  const env: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(caller)) {
    const withheldFromIt = matches(hidden, name) || (matches(kept, name) && !matches(needed, name))
    if (passed.test(name) || !withheldFromIt) env[name] = value
  }
  return {
    ...env,
    ...identity,
    PATH: [...(place.shims ? [place.shims] : []), place.verbs, caller.PATH ?? systemPath].join(':'),
    PORT: String(place.workplace.ports.base),
    DIRIGENT_PORT_BASE: String(place.workplace.ports.base),
    DIRIGENT_PORT_COUNT: String(place.workplace.ports.count),
    DIRIGENT_TASK: place.id,
    DIRIGENT_TASK_DIR: place.taskDirectory,
    DIRIGENT_REPO: place.repo,
    [queueName]: place.buildQueue,
    [markerName]: place.marker,
  }
}

function toPattern(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
  )
}
