/** Starts a process of ours that outlives the verb (a runner, the supervisor) and owns what the lock guards. */
import { shortenLog } from '../kit/append.ts'
import { leaveCgroup } from '../kit/cgroup.ts'
import { startDetached } from '../kit/detach.ts'
import type { Lock } from '../kit/lock.ts'
import { verbProgram } from '../kit/package.ts'
import { ownName } from '../rules/environment.ts'
import type { StatePaths } from '../state/paths.ts'
import type { Context } from './context.ts'

/**
 * Hands it the lock; one that cannot be handed down is let go of, for the process to take.
 * @param log receives what it prints
 */
export async function startWithLock(
  { repo, paths }: Context,
  verb: string,
  words: readonly string[],
  log: string,
  held: Lock,
): Promise<void> {
  try {
    // From inside an attempt, by a worker that calls a verb: that attempt's end must not be the process's.
    leaveCgroup()
    shortenLogs(paths)
    if (held.fd === null) held.close()
    await startDetached(process.execPath, [...verbProgram(verb), ...words], {
      cwd: repo.main,
      env: environment(),
      log,
      fds: held.fd === null ? [] : [held.fd],
    })
  } finally {
    held.close()
  }
}

/** Started from inside a worker's or build's environment, it must not pass for part of it. */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('DIRIGENT_'))
  return { ...Object.fromEntries(others), [ownName]: '1' }
}

/** Bytes of a log, and of what is kept beside it of what was in it before. */
const mostOfLog = 1024 * 1024

/** Of all that our own processes print. */
export function shortenLogs(paths: StatePaths): void {
  shortenLog(paths.runnerLog, paths.oldRunnerLog, mostOfLog)
  shortenLog(paths.supervisorLog, paths.oldSupervisorLog, mostOfLog)
}
