/** After the storm: the files held against what was promised. */
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseEvent } from '../../../lib/state/schema/event.ts'
import type { Status } from '../../../lib/state/schema/status.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import { filesBelow, lines, names, readTasks } from './files.ts'
import type { Ledger } from './ledger.ts'
import { workerFiles } from './worker.ts'

export interface Verdict {
  /** Acknowledged and not there: tasks, messages, uncommitted work. */
  readonly lost: string[]
  /** Done twice: messages, landings, steps of a task's life. */
  readonly twice: string[]
  readonly unreadable: string[]
  /** Two workers of one task, by the kernel's word. */
  readonly doubles: string[]
  /** What is left lying about, or not as it should be. */
  readonly left: string[]
  readonly drafts: number
  readonly ended: ReadonlyMap<string, Status>
}

export async function judge(box: Sandbox, ledger: Ledger, start: string): Promise<Verdict> {
  const unreadable: string[] = []
  const ended = readTasks(box, unreadable)
  const landed = await onMain(box, start)
  const drafts = lines(workerFiles(box).drafts)
  return {
    lost: [
      ...lostTasks(box, ledger, ended, landed),
      ...lostMessages(box, ledger),
      ...(await lostDrafts(box, drafts, ended)),
    ],
    twice: [...appliedTwice(box, ledger), ...landed.twice, ...repeatedSteps(box, ended)],
    unreadable,
    doubles: lines(workerFiles(box).doubles).filter(isDouble),
    left: await leftLying(box, landed),
    drafts: drafts.length,
    ended,
  }
}

interface Landed {
  /** Tasks named by the trailers of main's commits. */
  readonly tasks: ReadonlySet<string>
  readonly twice: readonly string[]
  readonly strange: readonly string[]
}

/** Each file is added by one commit: a change that landed twice would have added it again. */
async function onMain(box: Sandbox, start: string): Promise<Landed> {
  const trailers = '%(trailers:key=Dirigent-Task,valueonly,separator=%x2c)'
  const log = await box.git(
    'log',
    '--name-status',
    '--no-renames',
    `--format=commit %s\t${trailers}`,
    `${start}..main`,
  )
  const tasks = new Set<string>()
  const added = new Map<string, number>()
  const subjects = new Map<string, number>()
  const strange: string[] = []
  let task = ''
  for (const line of log.split('\n').filter((line) => line !== '')) {
    if (line.startsWith('commit ')) {
      const [subject = '', trailer = ''] = line.slice(7).split('\t')
      task = trailer
      tasks.add(trailer)
      if (subject.startsWith('work of')) subjects.set(subject, (subjects.get(subject) ?? 0) + 1)
      continue
    }
    const [how = '', path = ''] = line.split('\t')
    if (!path.startsWith(`work/${task}/`) || how === 'D') strange.push(`main: ${task} has ${how} ${path}`)
    if (how === 'A') added.set(path, (added.get(path) ?? 0) + 1)
  }
  const repeated = [...added, ...subjects].filter(([, times]) => times > 1)
  return { tasks, strange, twice: repeated.map(([what, times]) => `on main ${times} times: ${what}`) }
}

function lostTasks(
  box: Sandbox,
  ledger: Ledger,
  ended: ReadonlyMap<string, Status>,
  landed: Landed,
): string[] {
  return [...ledger.spawned].flatMap((id) => {
    const found = ended.get(id)
    if (!found) return [`task ${id} is not there`]
    const wanted = ledger.asked.get(id) === 'report' ? 'done' : 'merged'
    if (found.state !== wanted) return [`task ${id} is ${found.state}: ${found.reason}`]
    if (wanted === 'done') {
      const report = join(box.task(id), 'report.md')
      return lines(report).includes('report of the storm') ? [] : [`task ${id} has no report`]
    }
    const content = lines(join(box.repo, 'work', id, 'change')).join()
    if (content !== id) return [`task ${id} is merged, and its file holds: ${content}`]
    return landed.tasks.has(id) ? [] : [`task ${id} is merged, and no commit names it`]
  })
}

const messagesOf = (box: Sandbox, task: string) => lines(join(box.repo, 'work', task, 'messages'))

/**
 * A message that no prompt of any worker had, or that was told only to workers which were killed before they had
 * acted on it. (A report leaves no file to see that by.)
 */
function lostMessages(box: Sandbox, ledger: Ledger): string[] {
  return [...ledger.sent].flatMap(([message, task]) => {
    if (!ledger.prompted.has(message)) return [`message ${message} to ${task} was told to no model`]
    const acted = ledger.asked.get(task) === 'report' || messagesOf(box, task).includes(message)
    return acted ? [] : [`message ${message} to ${task} was told, and nobody acted on it`]
  })
}

/** The worker writes a message's id into a file once it acts on it: on main it must stand once. */
function appliedTwice(box: Sandbox, ledger: Ledger): string[] {
  return [...ledger.asked.keys()].flatMap((task) => {
    const seen = messagesOf(box, task)
    return seen
      .filter((message, n) => seen.indexOf(message) !== n)
      .map((message) => `message ${message} to ${task} took effect twice`)
  })
}

/** Uncommitted work of whatever attempt was committed by a later one, or is kept. */
async function lostDrafts(
  box: Sandbox,
  drafts: readonly string[],
  ended: ReadonlyMap<string, Status>,
): Promise<string[]> {
  const lost: string[] = []
  for (const draft of new Set(drafts)) {
    const [task = '', attempt] = draft.split(' ')
    const path = `work/${task}/draft-${attempt}`
    if (existsSync(join(box.repo, path))) continue
    const refs = await box.git('for-each-ref', '--format=%(refname)', `refs/dirigent/kept/${task}`)
    const kept = await Promise.all(
      refs
        .split('\n')
        .filter((ref) => ref !== '')
        .map((ref) => box.git('ls-tree', '--name-only', ref, path)),
    )
    if (!kept.includes(path)) lost.push(`${path} of ${task}, which is ${ended.get(task)?.state}`)
  }
  return lost
}

/** A step of a task's life is taken once in each attempt; one that was published twice would be told twice. */
function repeatedSteps(box: Sandbox, ended: ReadonlyMap<string, Status>): string[] {
  return [...ended.keys()].flatMap((id) => {
    const steps = lines(join(box.task(id), 'log', 'events.jsonl'))
      .map(parseEvent)
      .filter((event) => event?.type === 'state')
      .map((event) => `${id}: ${event?.from} to ${event?.to} in attempt ${event?.attempt}`)
    return steps.filter((step, n) => steps.indexOf(step) !== n)
  })
}

/** `task attempt holder`: a command that outlives its shell for a moment is of the same attempt. */
function isDouble(line: string): boolean {
  const [, attempt, holder] = line.split(' ')
  return attempt !== holder
}

async function leftLying(box: Sandbox, landed: Landed): Promise<string[]> {
  const left = [...landed.strange]
  const changes = await box.git('status', '--porcelain')
  if (changes !== '') left.push(`the main checkout has changes: ${changes}`)
  const head = await box.git('symbolic-ref', 'HEAD')
  if (head !== 'refs/heads/main') left.push(`the main checkout is on ${head}`)
  const fsck = await box.git('fsck', '--full', '--no-dangling', '--no-progress')
  if (fsck !== '') left.push(`git fsck: ${fsck}`)
  const branches = await box.git('branch', '--list', 'dirigent/*')
  if (branches !== '') left.push(`branches: ${branches}`)
  // Git's own housekeeping, begun by the git of a worker that was killed: it is in nobody's way.
  for (const path of filesBelow(join(box.repo, '.git'), []))
    if (path.endsWith('.lock') && !path.endsWith('maintenance.lock'))
      left.push(`a lock of git's: ${relative(box.repo, path)}`)
  for (const name of [...names(join(box.state, 'worktrees')), ...names(join(box.repo, '.git', 'worktrees'))])
    left.push(`a worktree: ${name}`)
  return left
}
