/** Is there a git that can do what we ask of it? */
import { Failure } from '../../kit/errors.ts'
import { run } from '../../kit/proc.ts'
import { gitEnvironment } from './environment.ts'

/** Gives its version. Throws `git-too-old`: merge-tree without a worktree came with 2.38. */
export async function checkGit(): Promise<string> {
  const { stdout } = await run('git', ['--version'], { cwd: '/', env: gitEnvironment(), timeout: 10_000 })
  const [version = '0', major = 0, minor = 0] = /(\d+)\.(\d+)[.\d]*/.exec(stdout.toString()) ?? []
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 38)) return version
  throw new Failure('git-too-old', `git ${major}.${minor} is too old`, { hint: 'Install git 2.38 or newer.' })
}
