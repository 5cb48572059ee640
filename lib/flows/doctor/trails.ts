/** The trail of each task: every line readable, and the last transition that of status.json. */
import { isLocked } from '../../kit/lock.ts'
import type { Finding } from '../../rules/findings.ts'
import { readWholeTrail } from '../../state/journal.ts'
import type { Task } from '../../state/tasks.ts'
import { cleanTrail, trailGap, writeMissing } from '../mend-trail.ts'
import { withFree } from '../take.ts'
import { collect } from './collect.ts'
import type { Look } from './look.ts'

export async function trails(look: Look): Promise<readonly Finding[]> {
  const all = collect()
  for (const task of [...look.live, ...look.archived])
    await all.tryAsync(`the trail of ${task.id}`, () => ofTask(look, task))
  return all.findings
}

async function ofTask({ context }: Look, task: Task): Promise<Finding[]> {
  const { events, skipped } = readWholeTrail(task.paths)
  const found: Finding[] = []
  if (skipped.length > 0)
    found.push({
      code: 'trail-damaged',
      what: `${task.paths.trail} has ${skipped.length} unreadable lines`,
      fix: 'Takes them out of the trail, and quotes them in one that can be read.',
      mend: () => withFree(context, task, (current) => cleanTrail(context, current)),
    })
  const last = trailGap(task, events)
  // Whoever holds the task may be between the two writes.
  if (last !== null && !(await isLocked(task.paths.runLock)))
    found.push({
      code: 'trail-behind',
      what: `${task.id} is ${task.status.state}, and the last transition in its trail leads to ${last}`,
      fix: 'Writes the missing transition into the trail.',
      mend: () => withFree(context, task, (current) => writeMissing(context, current)),
    })
  return found
}
