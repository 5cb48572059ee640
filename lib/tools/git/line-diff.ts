/** Which lines of two texts differ. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryName } from '../../kit/files.ts'
import { gitFailed, gitTry, type Repository } from './door.ts'

const args = [
  'diff',
  '--no-index',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--text',
  '--unified=0',
  '--',
]

/**
 * In hunks, as git shows them, without the lines around them; empty when there is no difference.
 * @param directory where copies may lie meanwhile: what is compared may be no plain file any more when git opens it
 */
export async function lineDiff(
  repo: Repository,
  directory: string,
  before: string | Buffer,
  after: string | Buffer,
): Promise<string> {
  const [a, b] = [temporaryName(join(directory, 'before')), temporaryName(join(directory, 'after'))]
  try {
    writeFileSync(a, before)
    writeFileSync(b, after)
    const result = await gitTry(repo, [...args, a, b])
    // 1 says that they differ.
    if (result.exitCode !== 0 && result.exitCode !== 1) throw gitFailed(args, result, directory)
    return result.stdout.toString().replace(/^[\s\S]*?(?=^@@ )/m, '')
  } finally {
    for (const path of [a, b]) rmSync(path, { force: true })
  }
}
