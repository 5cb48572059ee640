/** For work that may never end because of what somebody else wrote: a regular expression, above all. */
import { runInNewContext } from 'node:vm'
import { errno } from './errors.ts'

/** What `work` gives; undefined when that took longer than `limit` milliseconds. It must wait for nothing. */
export function within<T>(limit: number, work: () => T): T | undefined {
  try {
    return runInNewContext('work()', { work }, { timeout: limit }) as T
  } catch (error) {
    if (errno(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  }
}
