/** Finds the program. A path that somebody configured is used or refused, never quietly replaced. */
import { isAbsolute, join } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { fromHome, isFile, isProgram, onPath } from '../workers/program.ts'
import { ancestors, launcherAt, nativeOf } from './launcher.ts'

export interface FoundCodex {
  binary: string
  source: 'config' | 'path' | 'package'
}

const install =
  'Install it (npm install -g @openai/codex), or set codex.path in .orchestrator-state/config.yaml.'
const setPath = 'Correct codex.path in .orchestrator-state/config.yaml, or remove it to search PATH.'

/** `packageRoot`: a folder from which the npm package may be reached, our own installation. */
export function findCodex(
  configured: string | null,
  env: NodeJS.ProcessEnv,
  packageRoot: string,
): FoundCodex {
  if (configured !== null) return { binary: fromConfig(configured, env), source: 'config' }
  const onPath = fromPath(env)
  if (onPath !== null) return { binary: onPath, source: 'path' }
  const packaged = fromPackage(packageRoot)
  if (packaged !== null) return { binary: packaged, source: 'package' }
  throw new Failure('worker-not-found', 'codex is neither configured, nor on PATH, nor installed with npm', {
    hint: install,
  })
}

function fromConfig(configured: string, env: NodeJS.ProcessEnv): string {
  const path = fromHome(configured, env)
  // A relative path would mean another file in every folder that a verb is called from.
  if (!isAbsolute(path)) {
    throw new Failure('worker-not-found', `codex.path is not an absolute path: ${path}`, { hint: setPath })
  }
  if (!isProgram(path)) {
    throw new Failure('worker-not-found', `codex.path is not an executable file: ${path}`, { hint: setPath })
  }
  const native = unwrapped(path)
  if (native !== null) return native
  throw new Failure('worker-not-found', `codex.path is an incomplete npm installation: ${path}`, {
    hint: `It lacks the package for this platform. Reinstall it (npm install -g @openai/codex).`,
  })
}

function fromPath(env: NodeJS.ProcessEnv): string | null {
  const name = process.platform === 'win32' ? 'codex.exe' : 'codex'
  const native = onPath(name, env).map(unwrapped)
  return native.find((path) => path !== null) ?? null
}

function fromPackage(root: string): string | null {
  for (const dir of [root, ...ancestors(root)]) {
    const launcher = join(dir, 'node_modules', '@openai', 'codex', 'bin', 'codex.js')
    const native = isFile(launcher) ? unwrapped(launcher) : null
    if (native !== null) return native
  }
  return null
}

/** The program itself, or the native one behind the npm launcher; null when that is missing. */
function unwrapped(path: string): string | null {
  const launcher = launcherAt(path)
  if (launcher === null) return path
  const native = nativeOf(launcher)
  return native !== null && isProgram(native) ? native : null
}
