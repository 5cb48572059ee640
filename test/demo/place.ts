/**
 * Where the demo happens: a temporary directory with a real repository, and an environment in which nothing
 * of the person's own settings can get in the way. It is kept, for the person to look around in.
 */
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { packageRoot } from '../../lib/kit/package.ts'
import { type StatePaths, statePaths } from '../../lib/state/paths.ts'
import type { ScriptedModel } from '../scripted-model/server.ts'
import { library } from './library.ts'

/** Names every process of this demo, so that none is left behind. */
export const markerName = 'DEMO_PLACE'

export interface Place {
  readonly directory: string
  readonly repo: string
  readonly specs: string
  readonly state: StatePaths
  readonly env: NodeJS.ProcessEnv
}

/** @param model null: the person's own Codex and login */
export function makePlace(model: ScriptedModel | null): Place {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-demo-')))
  const repo = join(directory, 'repo')
  const specs = join(directory, 'specs')
  const home = join(directory, 'home')
  mkdirSync(join(home, '.codex'), { recursive: true })
  mkdirSync(specs)
  for (const [path, content] of Object.entries(library)) write(join(repo, path), content)
  const own = model ? scriptedEnvironment(home, model) : liveEnvironment()
  return { directory, repo, specs, state: statePaths(repo), env: { ...own, [markerName]: directory } }
}

/** The pinned codex, the scripted model, and every worker at once whatever the machine. */
export function writeScriptedConfig(place: Place, model: ScriptedModel): void {
  const path = join(packageRoot(), 'node_modules', '@openai', 'codex', 'bin', 'codex.js')
  const config = {
    version: 1,
    model: 'gpt-5.5',
    max_workers: 4,
    codex: { path, config: model.codexConfig() },
  }
  writeFileSync(place.state.config, stringify(config))
}

export function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

/** A list of what is passed on: proxies, git settings and logins are not. */
function scriptedEnvironment(home: string, model: ScriptedModel): NodeJS.ProcessEnv {
  const passed = ['PATH', 'TMPDIR', 'LANG', 'TERM', 'USER', 'LOGNAME', 'LD_LIBRARY_PATH']
  return {
    ...Object.fromEntries(passed.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : []))),
    HOME: home,
    CODEX_HOME: join(home, '.codex'),
    GIT_CONFIG_NOSYSTEM: '1',
    ...model.env,
  }
}

/** Everything but what would steer git, Node or Dirigent to somewhere else: the login may need any of the rest. */
function liveEnvironment(): NodeJS.ProcessEnv {
  const steering =
    /^(?:GIT_(?:DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|NAMESPACE|CEILING_DIRECTORIES)|NODE_OPTIONS|NODE_TEST_CONTEXT|DIRIGENT_.*|npm_.*)$/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !steering.test(name)))
}
