/** Claude Code as a kind of worker (`claude -p --output-format stream-json`). */
import { Failure } from '../../kit/errors.ts'
import { packageRoot } from '../../kit/package.ts'
import { run } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'
import { hookNames } from '../workers/hooks.ts'
import type { WorkerKind } from '../workers/worker.ts'
import { workerCommand } from './argv.ts'
import { ClaudeEvents } from './events.ts'
import { classify, warnings } from './failure.ts'
import { findClaude } from './find.ts'
import { findTranscript, loginProblem, needs, providerOf } from './home.ts'
import { ClaudeSession } from './session.ts'
import type { ClaudeSettings } from './settings.ts'

export function claudeKind(settings: ClaudeSettings, env: NodeJS.ProcessEnv): WorkerKind {
  return {
    name: 'claude',
    needs,
    countsThread: false,
    hooks: { names: hookNames, whyNot: 'do managed settings of Claude Code forbid hooks?' },
    find: () => findClaude(settings.path, env, packageRoot()),
    loginProblem: () => loginProblem(env, settings.user_config),
    provider: () => providerOf(env),
    command: (call) => workerCommand(call, settings, env),
    events: () => new ClaudeEvents(),
    isShell: false,
    atStart: [],
    atEnd: (_, stderrTail) => warnings(stderrTail),
    classify,
    session(thread) {
      const path = findTranscript(env, thread)
      return path === null ? null : new ClaudeSession(path)
    },
    examine: async (program) => ({ version: await versionOf(program, env), troubles: [] }),
  }
}

async function versionOf(program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const said = await run(program, ['--version'], { cwd: '/', env, timeout: 20_000 })
  const version = /^\d\S*/.exec(oneLine(said.stdout.toString(), 80))?.[0]
  if (said.exitCode === 0 && version) return version
  const why = said.timedOut ? 'no answer in 20 s' : oneLine(said.stderr, 200) || `exit code ${said.exitCode}`
  throw new Failure('program-failed', `${program} does not run: ${why}`, {
    hint: 'Install it again (npm install -g @anthropic-ai/claude-code), or set claude.path in the settings.',
  })
}
