/** Does the program run, and which version is it? */
import { Failure } from '../../kit/errors.ts'
import { run } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'

/** `0.169.0`. Throws `program-failed` when it does not say. */
export async function codexVersion(binary: string, env: NodeJS.ProcessEnv): Promise<string> {
  const said = await run(binary, ['--version'], { cwd: '/', env, timeout: 20_000 })
  const line = oneLine(said.stdout.toString(), 80).replace(/^\S+ (?=\d)/, '')
  if (said.exitCode === 0 && line !== '') return line
  const why = said.timedOut ? 'no answer in 20 s' : oneLine(said.stderr, 200) || `exit code ${said.exitCode}`
  throw new Failure('program-failed', `${binary} does not run: ${why}`, {
    hint: 'Install it again (npm install -g @openai/codex), or set codex.path in the settings.',
  })
}
