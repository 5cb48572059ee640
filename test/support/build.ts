/** Before any test: the build, so that the verbs under test start as fast as a user's do, and what sandboxes begin as. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { TestProject } from 'vitest/node'
import { makeRunDirectory } from './run-directory.ts'
import { makeTemplate, root } from './template.ts'

const build = () => execa('node', ['bin/bundle.js'], { cwd: root, stdio: 'inherit' })

export default async function setup(project?: TestProject): Promise<() => void> {
  await build()
  // `vitest --watch`: whoever edits a source wants to see what that comes to.
  project?.onTestsRerun(async () => void (await build()))
  const directory = await makeRunDirectory()
  const template = join(directory, 'template')
  mkdirSync(template)
  await makeTemplate(template)
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  // Not of the tests: a command has no end that it is told of.
  if (!project) process.once('exit', remove)
  return remove
}
