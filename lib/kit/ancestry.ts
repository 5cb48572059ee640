/** What a process has from those that started it, also where somebody on the way has emptied its environment. */
import { readFileSync } from 'node:fs'
import { parentOf, readGone, seesItself } from './pid.ts'

/** More than any chain of programs that start one another is long. */
const mostSteps = 64

/**
 * What the variable `name` says in our environment and in those of our ancestors, as they were started: ours first, up
 * to the first that has `until`. Where /proc does not tell, ours alone.
 */
export function inheritedValues(name: string, until: string): string[] {
  const found: string[] = []
  let pid: number | null = process.pid
  for (let steps = 0; pid !== null && steps < mostSteps; steps++) {
    const environ = pid === process.pid ? process.env : environmentOf(pid)
    if (environ[until] !== undefined) break
    const value = environ[name]
    if (value !== undefined) found.push(value)
    pid = seesItself() ? parentOf(pid) : null
  }
  return found
}

/** Empty for one that has ended, or is somebody else's. */
function environmentOf(pid: number): NodeJS.ProcessEnv {
  const text = readGone(() => readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? ''
  const pairs = text.split('\0').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return Object.fromEntries(pairs)
}
