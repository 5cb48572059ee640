/** Before any test: the build, so that the verbs under test start as fast as a user's do, and what sandboxes begin as. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { makeTemplate, root } from './template.ts'

export default async function setup(): Promise<() => void> {
  await execa('node', ['bin/bundle.js'], { cwd: root, stdio: 'inherit' })
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-template-')))
  await makeTemplate(directory)
  return () => rmSync(directory, { recursive: true, force: true })
}
