/**
 * The command line of Claude Code as a worker: the prompt comes by stdin, nobody is asked for permission (the container
 * is the fence), and by default nothing of the person's or the project's settings is loaded: a worker has neither their
 * hooks and MCP servers nor their skills (the orchestrator's among them), nor what was learned in other sessions. The
 * project's rules (CLAUDE.md with what it imports, .claude/rules) are loaded, as those of one more directory. Measured
 * with 2.1.197.
 */
import { join } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { packageRoot } from '../../kit/package.ts'
import { type HookName, type Hooks, hookEvents, hookNames, hookTimeout } from '../workers/hooks.ts'
import type { WorkerCall, WorkerCommand } from '../workers/worker.ts'
import type { ClaudeSettings } from './settings.ts'

export function workerCommand(
  call: WorkerCall,
  settings: ClaudeSettings,
  caller: NodeJS.ProcessEnv,
): WorkerCommand {
  const thread = call.resume ?? call.aside
  const argv = [
    '-p',
    '--output-format',
    'stream-json',
    '--verbose',
    ...(call.aside ? onlyReads : mayAll),
    ...(settings.user_config ? [] : rulesAlone(call.worktree)),
    ...(call.model === null ? [] : ['--model', call.model]),
    ...(call.effort === null ? [] : ['--effort', call.effort]),
    ...(call.hooks ? ['--settings', JSON.stringify({ hooks: hookConfig(call.hooks) })] : []),
    ...(settings.user_config ? [] : ['--append-system-prompt', call.house()]),
    ...settings.flags,
    ...(thread ? ['--resume', sessionId(thread)] : []),
    ...(call.aside ? ['--fork-session'] : []),
  ]
  return { argv, env: { ...quiet(caller), ...(settings.user_config ? {} : rulesOfDirectory) } }
}

/** Without the tools that leave the worktree, or outlive the turn. */
const mayAll = [
  '--dangerously-skip-permissions',
  '--disallowedTools',
  'EnterWorktree,ExitWorktree,CronCreate,ScheduleWakeup',
]
/** The list of tools is not one of those that MCP servers bring: a person's settings may let them change anything. */
const onlyReads = ['--permission-mode', 'dontAsk', '--tools', 'Read,Grep,Glob', '--strict-mcp-config']

const rulesAlone = (worktree: string): string[] => [
  ...['--setting-sources', '', '--strict-mcp-config'],
  ...['--add-dir', worktree],
]
const rulesOfDirectory = {
  CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD: '1',
  // Kept for all sessions in this repository, the person's among them.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
}

/** No calls elsewhere; a heavy command may wait for its turn; and so many requests again that a refusal ends the attempt. */
function quiet(caller: NodeJS.ProcessEnv): Record<string, string> {
  return {
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_MAX_RETRIES: caller.CLAUDE_CODE_MAX_RETRIES || '4',
    BASH_DEFAULT_TIMEOUT_MS: '1800000',
    BASH_MAX_TIMEOUT_MS: '7200000',
    CLAUDE_ENV_FILE: join(packageRoot(), 'bin', 'worker', 'hooks', 'forget-login'),
    // As root it refuses to work without questions unless it is told so, in this very word.
    IS_SANDBOX: '1',
  }
}

interface Definition {
  readonly matcher?: string
  readonly hooks: readonly { readonly type: 'command'; readonly command: string; readonly timeout: number }[]
}

function hookConfig(hooks: Hooks): Record<string, Definition[]> {
  const of = (name: HookName, ...words: string[]): Definition[] => [
    {
      ...(name === 'pre-tool-use' ? { matcher: 'Bash' } : {}),
      hooks: [{ type: 'command', command: [hooks[name], ...words].join(' '), timeout: hookTimeout }],
    },
  ]
  const given = hookNames.filter((name) => hooks[name] !== undefined)
  return {
    ...Object.fromEntries(given.map((name) => [hookEvents[name], of(name)])),
    // A tool that failed is another event, which is answered by its own name.
    ...(hooks['post-tool-use'] && { [afterFailure]: of('post-tool-use', afterFailure) }),
  }
}

const afterFailure = 'PostToolUseFailure'

/** A name that is not a session id would be looked for as a title. */
function sessionId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id
  throw new Failure('corrupt-file', `"${id.slice(0, 80)}" was recorded as a thread and is not a session id`, {
    hint: 'Start the next attempt without the old thread.',
  })
}
