/** A notification on the desktop, by notify-send. */
import { run } from '../../kit/proc.ts'
import { oneLine } from '../../kit/text.ts'

const limit = 10_000

/** @returns what went wrong, or null */
export async function tellDesktop(title: string, text: string, cwd: string): Promise<string | null> {
  // Many servers take the text for markup.
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const args = ['--app-name=dirigent', '--', title, plain]
  const { exitCode, stderr, timedOut } = await run('notify-send', args, {
    cwd,
    env: { ...process.env, LC_ALL: 'C' },
    timeout: limit,
  })
  if (exitCode === 0) return null
  return timedOut
    ? 'notify-send did not answer'
    : `notify-send: ${oneLine(stderr, 120) || `exit code ${exitCode}`}`
}
