/** Codex as a kind of worker (`codex exec --json`). */
import { packageRoot } from '../../kit/package.ts'
import { hookNames } from '../workers/hooks.ts'
import type { Examined, WorkerKind } from '../workers/worker.ts'
import { workerArgv } from './argv.ts'
import { EventReader } from './events.ts'
import { classify } from './failure.ts'
import { findCodex } from './find.ts'
import { codexHome } from './home.ts'
import { instructionsTooBig } from './instructions.ts'
import { loginProblem } from './login.ts'
import { providerOf } from './provider.ts'
import { findRollout, RolloutReader } from './rollout.ts'
import type { CodexSettings } from './settings.ts'
import { untrustedHooks } from './trust.ts'
import { codexVersion } from './version.ts'

export function codexKind(settings: CodexSettings, env: NodeJS.ProcessEnv): WorkerKind {
  const home = codexHome(env)
  return {
    name: 'codex',
    needs: [],
    countsThread: true,
    hooks: {
      names: hookNames,
      whyNot: 'does codex.config name hooks of its own? dirigent doctor asks codex',
    },
    find: () => findCodex(settings.path, env, packageRoot()).binary,
    loginProblem: () => loginProblem(settings, env),
    provider: () => providerOf(settings, env),
    command: (call) => ({ argv: workerArgv({ ...call, settings, home }), env: {} }),
    events: () => new EventReader(),
    isShell: false,
    atStart: [],
    atEnd: () => [],
    classify,
    session(thread) {
      const path = findRollout(home, thread, new Date())
      return path === null ? null : new RolloutReader(path)
    },
    examine: (program, main) => examine(program, main, settings, env),
  }
}

async function examine(
  program: string,
  main: string,
  settings: CodexSettings,
  env: NodeJS.ProcessEnv,
): Promise<Examined> {
  const [version, untrusted] = await Promise.all([
    codexVersion(program, env),
    untrustedHooks(program, settings, env),
  ])
  const big = instructionsTooBig(main, settings, env)
  return {
    version,
    troubles: [
      ...(untrusted?.length
        ? [
            {
              code: 'hooks-untrusted' as const,
              what: `codex ${version} would not run our hooks ${untrusted.join(', ')} beside a worker`,
              fix: 'Take hooks of your own out of codex.config in the settings; or use another version of codex.',
            },
          ]
        : []),
      ...(big
        ? [
            {
              code: 'agents-too-big' as const,
              what: `${big.path} has ${big.size} bytes; workers are shown the first ${big.limit}`,
              fix: 'Shorten it, or raise project_doc_max_bytes under codex.config in the settings.',
            },
          ]
        : []),
    ],
  }
}
