/** What was kept before something was removed: the trail says under which ref, and the ref must be there. */
import type { Finding } from '../../rules/findings.ts'
import { readWholeTrail } from '../../state/journal.ts'
import { listRefs } from '../../tools/git/refs.ts'
import { trail } from '../advance.ts'
import { withFree } from '../take.ts'
import type { Look } from './look.ts'

const keptRef = /^refs\/dirigent\/kept\/[^\s:]+/

export async function kept({ context, live, archived }: Look): Promise<Finding[]> {
  const there = await listRefs(context.repo, ['refs/dirigent/kept/'])
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
