/** Is there a git that can do what we ask of it? */
import { Failure } from '../../kit/errors.ts'
import { run } from '../../kit/proc.ts'
import { gitEnvironment } from './environment.ts'

/** Throws `git-too-old`: merge-tree without a worktree came with 2.38. */
export async function checkGit(): Promise<void> {
  const { stdout } = await run('git', ['--version'], { cwd: '/', env: gitEnvironment(), timeout: 10_000 })
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout.toString())?.slice(1) ?? []).map(Number)
  if (major > 2 || (major === 2 && minor >= 38)) return
  throw new Failure('git-too-old', `git ${major}.${minor} is too old`, { hint: 'Install git 2.38 or newer.' })
}
