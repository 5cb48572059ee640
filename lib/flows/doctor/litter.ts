/** What crashes left lying about: temporary files, half-made tasks, and what was moved out of the way. */
import { removeTree } from '../../kit/files.ts'
import { abandoned, litterBelow, litterIn, removeLitter } from '../../kit/litter.ts'
import { namesIn } from '../../kit/read.ts'
import type { Finding } from '../../rules/findings.ts'
import {
  type Foreign,
  foreignIn,
  holdsNothing,
  isSetAside,
  setAsideIn,
  worktreesSetAside,
} from '../../state/shape.ts'
import { litterOfGit } from '../../tools/git/leftovers.ts'
import { collect } from './collect.ts'
import type { Look } from './look.ts'

export function litter(look: Look): readonly Finding[] {
  const { paths, repo } = look.context
  const all = collect()
  all.try('half-made tasks', () =>
    litterIn(paths.tasks).map((path) => ({
      code: 'half-made-task',
      what: `${path} is a task that was never finished: whoever made it is gone`,
      fix: 'Removes it: nothing was promised yet.',
      mend: () => removeLitter(abandoned(paths.tasks, namesIn(paths.tasks))),
    })),
  )
  all.try('temporary files', () => temporary([paths.root, paths.worktrees, paths.shims].flatMap(litterIn)))
  for (const directory of [paths.locks, paths.lessons, paths.templates, paths.archive, paths.trustedGit])
    all.try('temporary files', () => temporary(litterBelow(directory)))
  for (const task of [...look.live, ...look.broken])
    all.try('temporary files', () => temporary(litterBelow(task.paths.directory)))
  all.try('temporary files', () => temporary(litterOfGit(repo)))
  for (const task of [...look.live, ...look.archived]) {
    all.try(`the files of ${task.id}`, () => foreignIn(task.paths).map(foreign))
    all.try(`the files of ${task.id}`, () => setAsideIn(task.paths).map(aside))
  }
  all.try('what was moved aside', () => worktreesSetAside(paths).map(aside))
  all.try('what was moved aside', () =>
    [paths.root, paths.locks, paths.tasks].flatMap((directory) =>
      namesIn(directory)
        .filter(isSetAside)
        .map((name) => aside(`${directory}/${name}`)),
    ),
  )
  return all.findings
}

function temporary(paths: readonly string[]): Finding[] {
  return [...new Set(paths)].map((path) => ({
    code: 'temporary-file',
    what: `${path} was being written by somebody who is gone`,
    fix: 'Removes it: what it was to replace is as it was.',
    mend: () => removeLitter([path]),
  }))
}

function foreign({ path, kind }: Foreign): Finding {
  // A link and a FIFO hold nothing; what a link leads to stays.
  const empty = kind === 'link' || kind === 'special'
  return {
    code: 'foreign-file',
    what: `${path} is a ${kind === 'special' ? 'FIFO, socket or device' : kind}, which does not belong there`,
    fix: empty ? 'Removes it; what a link leads to stays.' : 'Look what is in it, then move it away.',
    ...(empty ? { mend: () => removeTree(path) } : {}),
  }
}

function aside(path: string): Finding {
  const empty = holdsNothing(path)
  return {
    code: 'set-aside',
    what: `${path} stood where a file or worktree of ours belongs, and was moved out of the way`,
    fix: empty ? 'Removes it: there is nothing in it.' : `Look what is in it, then delete it: rm -r ${path}`,
    ...(empty ? { mend: () => removeTree(path) } : {}),
  }
}
