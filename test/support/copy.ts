/** A copy of this project that a test may edit: the sources are copied, the dependencies are links. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './sandbox.ts'

/** @param without dependencies (top level) that the copy does not get */
export function copyProject(to: string, without: readonly string[] = []): void {
  mkdirSync(join(to, 'node_modules'), { recursive: true })
  for (const name of ['bin', 'lib', 'skill', 'dist', 'package.json', 'tsconfig.json'])
    cpSync(join(root, name), join(to, name), { recursive: true, preserveTimestamps: true })
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!without.includes(name)) symlinkSync(join(root, 'node_modules', name), join(to, 'node_modules', name))
}
