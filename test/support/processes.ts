/** Processes that have to do with a directory of a test: found by what /proc says of them. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { errno } from '../../lib/kit/errors.ts'
import { signal } from '../../lib/kit/pid.ts'

/** Ends every process whose environment or command line names the directory, and what those start meanwhile. */
export async function killAll(directory: string): Promise<void> {
  for (let left = processesNaming(directory); left.length > 0; left = processesNaming(directory)) {
    for (const pid of left) signal(pid, 'SIGKILL')
    await delay(10)
  }
}

function processesNaming(directory: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => ['environ', 'cmdline'].some((file) => readProc(pid, file).includes(directory)))
}

/** Empty for a process that has ended, is being reaped, or is somebody else's. */
function readProc(pid: number, file: string): Buffer {
  try {
    return readFileSync(`/proc/${pid}/${file}`)
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return Buffer.alloc(0)
    throw error
  }
}
