/**
 * Finds and ends what a process left behind. A process group misses what called setsid and a walk over parents
 * misses what was double-forked. So every process of an attempt carries a mark in its environment, found in
 * /proc, and is in the attempt's cgroup, where there is one. Without a cgroup, what cleared its own environment
 * is not found.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { isCgroupOf, killCgroup, membersOf, removeCgroup } from './cgroup.ts'
import { readGone, seesItself, signal } from './pid.ts'

/** By what the processes are known that belong together. */
export interface Mark {
  /** The variable in their environment, and what it says. */
  readonly name: string
  readonly value: string
  /** Their cgroup as it was recorded; null: none. It is believed only when it can be that of this mark. */
  readonly cgroup: string | null
}

/** Pids of all that belongs to the mark, ours excepted. */
export function findAll(mark: Mark): number[] {
  const cgroup = believed(mark)
  const inside = cgroup === null ? [] : membersOf(cgroup)
  return [...new Set([...inside, ...findMarked(mark.name, mark.value)])]
}

/** Pids, ours excepted, whose environment at start had `name=value`. */
export function findMarked(name: string, value: string): number[] {
  if (!seesItself()) return []
  const needle = Buffer.from(`${name}=${value}\0`)
  const found: number[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const environ = readGone(() => readFileSync(`/proc/${entry}/environ`))
    const at = environ?.indexOf(needle) ?? -1
    if (environ && at !== -1 && (at === 0 || environ[at - 1] === 0)) found.push(pid)
  }
  return found
}

/**
 * Ends everything that belongs to the mark: SIGTERM, up to `grace` milliseconds, then SIGKILL until none is
 * left. For whoever owns the mark, so that nothing new begins under it meanwhile.
 * @returns how many processes were found
 */
export async function sweep(mark: Mark, grace: number): Promise<number> {
  const cgroup = believed(mark)
  let first = findAll(mark)
  if (first.length > 0) {
    // What dies with its parent needs a moment for that; it was not left behind.
    await delay(20)
    first = findAll(mark)
  }
  await end(first, grace, () => findAll(mark), cgroup)
  if (cgroup !== null) {
    // What lives in a pid namespace beside ours has no pid that we could name.
    killCgroup(cgroup)
    await removeCgroup(cgroup)
  }
  return first.length
}

/** Ends these processes of the mark as `sweep` does, and none that began under it since they were found. */
export async function endThese(pids: readonly number[], mark: Mark, grace: number): Promise<void> {
  const left = () => {
    const now = new Set(findAll(mark))
    return pids.filter((pid) => now.has(pid))
  }
  await end(left(), grace, left, null)
}

async function end(
  first: readonly number[],
  grace: number,
  look: () => readonly number[],
  cgroup: string | null,
): Promise<void> {
  for (const pid of first) signal(pid, 'SIGTERM')
  const killAt = Date.now() + grace
  for (let left = first; left.length > 0; left = look()) {
    await delay(10)
    if (Date.now() >= killAt) {
      if (cgroup !== null) killCgroup(cgroup)
      for (const pid of look()) signal(pid, 'SIGKILL')
    }
    // A process in uninterruptible sleep dies when its system call returns; it is not waited for.
    if (Date.now() >= killAt + 5000) break
  }
}

const believed = ({ cgroup, value }: Mark): string | null =>
  cgroup !== null && isCgroupOf(cgroup, value) ? cgroup : null
