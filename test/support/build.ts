/** Before any test: the build, so that the verbs under test start as fast as a user's do, and what sandboxes begin as. */
import { accessSync, constants, mkdtempSync, realpathSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { TestProject } from 'vitest/node'
import { errno } from '../../lib/kit/errors.ts'
import { makeTemplate, root } from './template.ts'

const build = () => execa('node', ['bin/bundle.js'], { cwd: root, stdio: 'inherit' })

export default async function setup(project?: TestProject): Promise<() => void> {
  await build()
  // `vitest --watch`: whoever edits a source wants to see what that comes to.
  project?.onTestsRerun(async () => void (await build()))
  if (await isRoomy(memory)) process.env.TMPDIR ??= memory
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-template-')))
  await makeTemplate(directory)
  return () => rmSync(directory, { recursive: true, force: true })
}

/** On ext4 a file that is made soon after thousands were removed costs more than anything else a test does. */
const memory = '/dev/shm'
const enough = 4 * 1024 ** 3

/** In a container it is often small, and nothing in it can be started. */
async function isRoomy(directory: string): Promise<boolean> {
  let probe: string | undefined
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    if (bavail * bsize < enough) return false
    probe = mkdtempSync(join(directory, 'dirigent-probe-'))
    writeFileSync(join(probe, 'run'), '#!/bin/sh\n', { mode: 0o755 })
    return (await execa(join(probe, 'run'), { reject: false })).exitCode === 0
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EROFS'].includes(errno(error) ?? '')) return false
    throw error
  } finally {
    if (probe) rmSync(probe, { recursive: true })
  }
}
