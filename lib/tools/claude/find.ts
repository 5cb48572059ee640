/** Finds the program. A path that somebody configured is used or refused, never quietly replaced. */
import { dirname, isAbsolute, join } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { fromHome, isProgram, onPath } from '../workers/program.ts'

const setPath = 'Correct claude.path in .orchestrator-state/config.yaml, or remove it to search PATH.'

/** `root`: a folder from which the npm package may be reached, our own installation. */
export function findClaude(configured: string | null, env: NodeJS.ProcessEnv, root: string): string {
  if (configured !== null) return fromConfig(fromHome(configured, env))
  const found = onPath('claude', env)[0] ?? fromPackage(root)
  if (found !== null) return found
  throw new Failure('worker-not-found', 'claude is neither configured, nor on PATH, nor installed with npm', {
    hint: 'Install it (npm install -g @anthropic-ai/claude-code), or set claude.path in .orchestrator-state/config.yaml.',
  })
}

function fromConfig(path: string): string {
  // A relative path would mean another file in every folder that a verb is called from.
  if (isAbsolute(path) && isProgram(path)) return path
  throw new Failure(
    'worker-not-found',
    `claude.path is not ${isAbsolute(path) ? 'an executable file' : 'an absolute path'}: ${path}`,
    { hint: setPath },
  )
}

/** The native program of this machine, without the JavaScript in front of it. */
function fromPackage(root: string): string | null {
  const name = `claude-code-${process.platform}-${process.arch}`
  for (let at = root; ; at = dirname(at)) {
    const path = join(at, 'node_modules', '@anthropic-ai', name, 'claude')
    if (isProgram(path)) return path
    if (dirname(at) === at) return null
  }
}
