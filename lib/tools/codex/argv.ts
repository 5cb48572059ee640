/**
 * The command line of a worker: the prompt comes by stdin, approvals are bypassed (the container is the
 * fence), and by default nothing of the person's own set-up is loaded but the login. Every key here is
 * accepted by `--strict-config` of 0.169; the flag itself is not given, so that other versions start too.
 */
import { Failure } from '../../kit/errors.ts'
import type { WorkerCall as Call } from '../workers/worker.ts'
import { codexHome, userConfigText } from './home.ts'
import { hookConfig } from './hooks.ts'
import { expand, merge, overrides, type Tree } from './overrides.ts'
import type { CodexSettings } from './settings.ts'
import { namesBelow, scanToml } from './toml-scan.ts'

export interface WorkerCall extends Omit<Call, 'house'> {
  settings: CodexSettings
  /** Where config.toml is, when it is not where the environment says. */
  home?: string
}

export function workerArgv(call: WorkerCall): string[] {
  const { settings } = call
  // The sandbox of a copy does not hold for servers, which may change anything.
  const servers = call.aside ? [] : settings.mcp_servers
  const own = settings.user_config
    ? merge(essentials(call), serversOff(servers, call.home ?? codexHome(process.env)))
    : merge(essentials(call), quiet)
  return [
    'exec',
    '--json',
    call.aside ? '--sandbox=read-only' : '--dangerously-bypass-approvals-and-sandbox',
    ...(settings.user_config ? [] : ['--ignore-user-config', '--ignore-rules']),
    ...(call.model === null ? [] : ['-m', call.model]),
    ...overrides(merge(own, expand(settings.config))),
    ...settings.flags,
    // After the person's flags, so that one that takes a list ends here and does not eat what follows.
    '-C',
    call.worktree,
    ...(call.aside ? ['fork', threadId(call.aside)] : []),
    ...(call.resume ? ['resume', threadId(call.resume)] : []),
    '-',
  ]
}

function essentials(call: WorkerCall): Tree {
  const config: Tree = {
    // A login shell reads the profile, and that resets PATH: our folder would no longer be first.
    allow_login_shell: false,
    shell_environment_policy: { set: { PATH: call.path } },
    check_for_update_on_startup: false,
    features: {
      // Otherwise a refused connection is retried for ever and the attempt never ends.
      unbounded_connection_retries: false,
      // A picture of the login shell for commands that never run in one; with a slow profile it costs a second.
      shell_snapshot: false,
    },
  }
  return {
    ...config,
    ...hookConfig(call.hooks ?? {}),
    ...(call.effort === null ? {} : { model_reasoning_effort: call.effort }),
  }
}

/** Off: what calls out by itself, what adds tools nobody asked for, what outlives one turn. */
export const quiet: Tree = {
  analytics: { enabled: false },
  feedback: { enabled: false },
  web_search: 'disabled',
  features: {
    plugins: false,
    apps: false,
    goals: false,
    multi_agent: false,
    skill_search: false,
    tool_suggest: false,
  },
}

/**
 * Switches off the person's MCP servers that are not named. Only servers with a section or a dotted key of
 * their own in config.toml are seen: disabling one that does not exist would stop the program from starting.
 */
function serversOff(kept: string[], home: string): Tree {
  if (kept.includes('*')) return {}
  const names = namesBelow(scanToml(userConfigText(home)), 'mcp_servers')
  const off = names.filter((name) => !kept.includes(name)).map((name) => [name, { enabled: false }])
  return off.length === 0 ? {} : { mcp_servers: Object.fromEntries(off) }
}

/** A name that is not a thread id would silently begin a new thread. */
function threadId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id
  throw new Failure('corrupt-file', `"${id.slice(0, 80)}" was recorded as a thread and is not a thread id`, {
    hint: 'Start the next attempt without the old thread.',
  })
}
