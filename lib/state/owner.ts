/**
 * Who owns a task. The lock says who may take it; status.json says who did: its epoch is raised by everybody
 * who takes a task. A holder that is not who the file names is late, and changes nothing any more. That can
 * happen although locks are the kernel's: a worker can replace run.lock, a backup can be put back, and where
 * there is no flock a lock can be taken from a holder that slept.
 *
 * Not atomic: between the last look and the rename lie some microseconds. A write that slips through them makes
 * the file name the late one again, and whoever had it meanwhile is the late one then: there is one owner.
 */
import { Failure } from '../kit/errors.ts'
import { readStatus } from './read-status.ts'
import { isStill, replaceRecord } from './record.ts'
import type { Status } from './schema/status.ts'
import type { Task } from './tasks.ts'

/** Why who holds `task` owns it no longer, as the Failure to throw; null while it does. */
export function lateness(task: Task): Failure | null {
  const now = readStatus(task.paths)
  return now ? differs(task.status, now.value) : gone(task)
}

/** Throws `stale-epoch` when who holds `task` owns it no longer. */
export function checkOwner(task: Task): void {
  const late = lateness(task)
  if (late) throw late
}

/**
 * Writes what `change` makes of the status as it is in the file. What a person has changed there by hand stays
 * changed, except for what `change` sets; who changed its state or attempt has taken the task over. Throws
 * `stale-epoch` then, and `corrupt-file` when it cannot be read; nothing has changed in either case.
 */
export function changeStatus(
  task: Task,
  change: (now: Status) => Status,
  options: { readonly durable: boolean } = { durable: true },
): Task {
  while (true) {
    const seen = readStatus(task.paths)
    if (!seen) throw gone(task)
    const late = differs(task.status, seen.value) ?? changedByHand(task, seen.value)
    if (late) throw late
    const status = change(seen.value)
    const still = () => isStill(task.paths.status, seen.bytes)
    // Somebody saved it in between: looked at again.
    if (replaceRecord(task.paths.status, status, options, still)) return { ...task, status }
  }
}

/**
 * Equal epochs can come of a backup, so the runner counts too. The one in the file is null between two of them,
 * and ours is in what we read before we were one.
 */
function differs(held: Status, now: Status): Failure | null {
  const [ours, theirs] = [held.runner, now.runner]
  const same = !ours || !theirs || (ours.pid === theirs.pid && ours.started === theirs.started)
  if (now.epoch === held.epoch && same) return null
  return stale(`${held.id} was taken over: its epoch is ${now.epoch}, ours is ${held.epoch}`, held.id)
}

function changedByHand({ status }: Task, now: Status): Failure | null {
  if (now.state === status.state && now.attempt === status.attempt) return null
  const [from, to] = [status, now].map((one) => `${one.state}, attempt ${one.attempt}`)
  return stale(`the status.json of ${status.id} was changed by hand from ${from} to ${to}`, status.id)
}

const gone = ({ id, paths }: Task): Failure => stale(`${id} is not in ${paths.directory} any more`, id)

function stale(message: string, id: string): Failure {
  return new Failure('stale-epoch', message, {
    hint: `Nothing was changed. See how it stands: dirigent status ${id}`,
    retryable: true,
    next: [`dirigent status ${id}`],
  })
}
