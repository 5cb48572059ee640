/**
 * Starts the supervisor when there is none, for the verbs that start tasks. The lock is taken here and handed down,
 * so of any number of callers one starts it. The verb goes on whatever comes of it.
 */
import { narrate } from '../../kit/cli.ts'
import { errno, Failure, reasonOf } from '../../kit/errors.ts'
import { tryLock } from '../../kit/lock.ts'
import type { Context } from '../context.ts'
import { startWithLock } from '../own-process.ts'

export async function ensureSupervisor(context: Context): Promise<void> {
  const { config, paths, repo } = context
  if (!config.supervise.auto) return
  try {
    const held = await tryLock(paths.supervisorLock)
    if (held) await startWithLock(context, 'supervise', ['--repo', repo.main], paths.supervisorLog, held)
  } catch (error) {
    // What the verb was to do is done; the next one tries again.
    if (!(error instanceof Failure) && errno(error) === undefined) throw error
    narrate(`note: no supervisor could be started: ${reasonOf(error)}`)
  }
}
