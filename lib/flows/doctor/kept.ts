/**
 * What was kept before something was removed: the trail says under which ref, and the ref must be there. How much it has
 * come to is said; to drop some of it is a person's to decide.
 */
import { count, plural } from '../../kit/text.ts'
import type { Finding } from '../../rules/findings.ts'
import { readWholeTrail } from '../../state/journal.ts'
import type { Task } from '../../state/tasks.ts'
import { listRefs, sizeOfKept } from '../../tools/git/refs.ts'
import { trail } from '../advance.ts'
import { withFree } from '../take.ts'
import type { Look } from './look.ts'

const keptRef = /^refs\/dirigent\/kept\/[^\s:]+/

export async function kept({ context, live, archived, versions }: Look): Promise<Finding[]> {
  const there = await listRefs(context.repo, ['refs/dirigent/kept/'])
  // Once for all looks: in a large repository it takes a while.
  if (there.size > 0 && versions.kept === undefined) {
    const size = await sizeOfKept(context.repo)
    const tasks = new Set([...there.keys()].map((ref) => ref.split('/')[3]))
    versions.kept = `${there.size} for ${plural(tasks.size, 'task')}${size === null ? '' : `, ${count(size)}B`}`
  }
  return [...live, ...archived].flatMap((task) => {
    const { events } = readWholeTrail(task.paths)
    const noted = events.filter(({ type }) => type === 'note').map(({ text }) => text)
    const refs = events.flatMap(({ type, text }) => (type === 'kept' ? (keptRef.exec(text) ?? []) : []))
    return [...new Set(refs)]
      .filter((ref) => !there.has(ref) && !noted.includes(goneNote(ref)))
      .map((ref) => ({
        code: 'kept-ref-gone',
        what: `${ref} was kept for ${task.id}, and is gone`,
        fix: 'Notes in the trail that it is gone, for when you deleted it yourself; it is not asked about again.',
        mend: () => withFree(context, task, (current) => trail(context, current, 'note', goneNote(ref))),
      }))
  })
}

const goneNote = (ref: string): string => `${ref} is gone`

/** Did somebody drop what was kept for it? Then git may have let go of commits that its records name. */
export const isDropped = (task: Task): boolean =>
  readWholeTrail(task.paths).events.some(
    ({ type, text }) => type === 'note' && text === goneNote(keptRef.exec(text)?.[0] ?? ''),
  )
