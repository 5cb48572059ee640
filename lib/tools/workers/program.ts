/** Whether a program can be started, and where on PATH it is. */
import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { errno } from '../../kit/errors.ts'

/** `~/` is the home folder. */
export function fromHome(path: string, env: NodeJS.ProcessEnv): string {
  return path.startsWith('~/') ? join(env.HOME || homedir(), path.slice(2)) : path
}

/** Those of that name on PATH, in its order. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string[] {
  return (
    (env.PATH ?? '')
      .split(delimiter)
      // An empty or relative entry means the current folder, where a worker may have put anything.
      .filter((folder) => isAbsolute(folder))
      .map((folder) => join(folder, name))
      .filter(isProgram)
  )
}

export function isProgram(path: string): boolean {
  return isFile(path) && allowed(() => accessSync(path, constants.X_OK))
}

export function isFile(path: string): boolean {
  return allowed(() => statSync(path).isFile())
}

const refusals = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']

/** False when the file is not there or not for us; any other error is real. */
function allowed(test: () => unknown): boolean {
  try {
    return test() !== false
  } catch (error) {
    if (refusals.includes(errno(error) ?? '')) return false
    throw error
  }
}
