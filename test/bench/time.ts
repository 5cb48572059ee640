/** Times whole commands from outside; milliseconds. */

import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { execa } from 'execa'
import { root, type Sandbox } from '../support/sandbox.ts'

export async function timed(
  file: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const began = performance.now()
  await execa(file, args, { cwd, env, extendEnv: false, stdio: 'ignore' })
  return performance.now() - began
}

export function timeVerb(box: Sandbox, verb: string, ...args: string[]): Promise<number> {
  return timed(join(root, 'bin', verb), args, box.repo, box.env)
}
