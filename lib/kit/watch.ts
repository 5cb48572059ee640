/**
 * Waits for files to change. Events make it prompt and polling makes it certain: some file shares
 * deliver no events, so a look is taken every `poll` milliseconds whatever happens.
 */
import type { FSWatcher } from 'chokidar'

export interface Watch {
  /** Resolves when something changed since the last call, or after `limit` milliseconds at most. */
  changed(limit: number): Promise<void>
  close(): Promise<void>
}

/** Milliseconds after an event at which its followers have surely come. */
const afterEvent = 30

/** Watches files and directories (their direct entries); missing ones are noticed when they appear. */
export async function watchPaths(paths: readonly string[], poll = 500): Promise<Watch> {
  const { watch } = await import('chokidar')
  const watcher: FSWatcher = watch([...paths], {
    ignoreInitial: true,
    depth: 1,
    followSymlinks: false,
    // Closing leaves a watch behind when what it watches moves at that moment: it must not keep us from ending.
    // While we wait, the timer below keeps the process alive.
    persistent: false,
  })
  let pending = false
  // Events that come within 5 ms of one another are dropped but for the first: after one, look again soon.
  let again = false
  let wake: (() => void) | undefined
  const poke = () => {
    pending = true
    again = true
    wake?.()
  }
  watcher.on('all', poke)
  // Watching is a help, polling is the promise: an exhausted inotify limit only costs promptness.
  watcher.on('error', poke)
  return {
    async changed(limit) {
      if (!pending) {
        const pause = again ? afterEvent : poll
        again = false
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(limit, pause))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      pending = false
      wake = undefined
    },
    close: () => watcher.close(),
  }
}
