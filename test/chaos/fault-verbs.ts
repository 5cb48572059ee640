/**
 * Every verb that changes state, in a state made for it: what is typed, what it has done when it says so, and
 * how the next commands bring its task to its end.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { newStatus } from '../../lib/state/new-status.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { writeRecord } from '../../lib/state/record.ts'
import { createTask } from '../../lib/state/tasks.ts'
import type { VerbName } from '../../lib/view/verbs.ts'
import { makeSandbox, type Ran, type Sandbox } from '../support/sandbox.ts'
import { landed, settled, spawnTask } from '../support/tasks.ts'

export interface FaultVerb {
  readonly name: string
  /** Default: the first word of the name. */
  readonly argv: (box: Sandbox) => readonly [VerbName | 'run', ...string[]]
  /** A sandbox in which it is about to be typed, with nothing running. */
  readonly prepare: (model: Sandbox['model']) => Promise<Sandbox>
  /** Null when what it said to have done is there. */
  readonly effect: (box: Sandbox) => string | null | Promise<string | null>
  /** The next commands; throws when they do not lead to the end. */
  readonly goOn: (box: Sandbox) => Promise<void>
}

const work = (file: string) => [
  { run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'` },
  { say: 'done' },
]
const id = 'job'

const initialised = (model: Sandbox['model']) => makeSandbox({ model, config: { max_workers: 2 } })

/** A task that failed: its one attempt left a file uncommitted and committed nothing. */
async function failed(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, { attempts: 1, verify: ['test ! -e bad.txt'] }, [
    { run: 'echo precious > precious.txt; echo > bad.txt' },
    { say: 'done' },
  ])
  expectState(await settled(box, id), 'failed')
  return box
}

async function underReview(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, {}, work('AGENTS.md'))
  expectState(await settled(box, id), 'review')
  return box
}

/** As it is when its runner died before it began. */
async function aboutToRun(model: Sandbox['model'], check = 'true'): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, 'model-task', { verify: [check] }, work('first.txt'))
  expectState(await settled(box, 'model-task'), 'merged')
  const { settings } = box.status('model-task')
  const spec = `---\ntitle: ${id}\n---\nDo it.\n\n\`\`\`script\n${JSON.stringify(work('job.txt'))}\n\`\`\`\n`
  const fresh = newStatus({ id, title: id, settings, spec_sha256: '', created: new Date().toISOString() })
  const paths = statePaths(box.repo)
  if (!createTask(paths, fresh, spec)) throw new Error('it is there')
  writeRecord(paths.task(id).status, {
    ...fresh,
    state: 'running',
    reason: 'attempt 1',
    attempt: 1,
    epoch: 1,
  })
  return box
}

/** Merged, and its runner died before it had put it away. */
async function ended(model: Sandbox['model']): Promise<Sandbox> {
  const box = await initialised(model)
  await spawnTask(box, id, {}, work('job.txt'))
  expectState(await settled(box, id), 'merged')
  mkdirSync(join(box.state, 'tasks'), { recursive: true })
  renameSync(box.task(id), join(box.state, 'tasks', id))
  return box
}

export const faultVerbs: readonly FaultVerb[] = [
  {
    name: 'init',
    argv: () => ['init'],
    prepare: (model) => makeSandbox({ model, init: false }),
    effect: (box) =>
      existsSync(join(box.state, 'config.yaml')) && existsSync(join(box.state, 'README.md'))
        ? null
        : 'no config.yaml',
    async goOn(box) {
      expectDone(await box.json('init'))
      for (const name of ['config.yaml', 'README.md', '.gitignore', 'git/config'])
        if (!existsSync(join(box.state, name))) throw new Error(`init made no ${name}`)
      expectDone(await box.json('status'))
    },
  },
  {
    name: 'spawn',
    argv: (box) => ['spawn', id, '--spec', join(box.directory, 'spec-1.md')],
    async prepare(model) {
      const box = await initialised(model)
      box.spec({ title: id, verify: ['true'] }, work('job.txt'))
      return box
    },
    effect: (box) => (existsSync(box.task(id)) ? null : 'there is no task'),
    async goOn(box) {
      expectDone(await box.json('spawn', id, '--spec', join(box.directory, 'spec-1.md')))
      await expectMerged(box, 'job.txt')
    },
  },
  {
    name: 'respawn',
    argv: (box) => ['respawn', id, '--spec', join(box.directory, 'spec-2.md')],
    async prepare(model) {
      const box = await failed(model)
      box.spec({ title: id, verify: ['rm -f bad.txt'] }, work('job.txt'))
      return box
    },
    effect: (box) => (box.status(id).state === 'failed' ? 'it is failed still' : null),
    async goOn(box) {
      if (box.status(id).state === 'failed')
        expectDone(await box.json('respawn', id, '--spec', join(box.directory, 'spec-2.md')))
      await expectMerged(box, 'job.txt')
    },
  },
  {
    name: 'stop',
    argv: () => ['stop', 'later'],
    async prepare(model) {
      const box = await failed(model)
      await spawnTask(box, 'later', { needs: [id] }, work('later.txt'))
      return box
    },
    effect: (box) => (box.status('later').state === 'waiting' ? null : 'it does not wait'),
    async goOn(box) {
      if (box.status('later').state !== 'waiting') expectDone(await box.json('stop', 'later'))
      expectState(box.status('later'), 'waiting')
    },
  },
  {
    name: 'stop --cancel',
    argv: () => ['stop', id, '--cancel'],
    prepare: failed,
    effect: (box) => (box.status(id).state === 'cancelled' ? null : 'it is not cancelled'),
    async goOn(box) {
      if (box.status(id).state !== 'cancelled') expectDone(await box.json('stop', id, '--cancel'))
      expectDone(await box.json('status'))
      expectState(box.status(id), 'cancelled')
      if (!box.task(id).includes('/archive/')) throw new Error('it was not put away')
      if (existsSync(join(box.state, 'worktrees', id))) throw new Error('its worktree is there')
      const kept = (await box.git('for-each-ref', '--format=%(refname)', 'refs/dirigent/kept')).split('\n')
      for (const ref of kept)
        if ((await box.git('ls-tree', '--name-only', ref)).includes('precious.txt')) return
      throw new Error(`precious.txt is in none of ${kept.join(' ')}`)
    },
  },
  {
    name: 'land',
    argv: () => ['land', id],
    prepare: underReview,
    effect: (box) => (box.status(id).state === 'review' ? 'it is under review still' : null),
    async goOn(box) {
      if (box.status(id).state === 'review') expectDone(await box.json('land', id))
      await expectMerged(box, 'AGENTS.md')
    },
  },
  {
    name: 'build',
    argv: (box) => ['build', '--', 'touch', join(box.directory, 'repo', 'built')],
    prepare: initialised,
    effect: (box) => (existsSync(join(box.repo, 'built')) ? null : 'it was not built'),
    async goOn(box) {
      expectDone(await box.verb('build', '--', 'touch', join(box.repo, 'built')))
    },
  },
  {
    name: 'status, of a lost task',
    argv: () => ['status'],
    prepare: aboutToRun,
    effect: () => null,
    goOn: (box) => expectMerged(box, 'job.txt'),
  },
  {
    name: 'status, of an ended task',
    argv: () => ['status'],
    prepare: ended,
    effect: () => null,
    async goOn(box) {
      await expectMerged(box, 'job.txt')
      if (!box.task(id).includes('/archive/')) throw new Error('it was not put away')
    },
  },
  {
    name: 'wait',
    argv: () => ['wait', id, '--until', 'settled'],
    prepare: aboutToRun,
    effect: (box) => (box.status(id).state === 'merged' ? null : 'it has not settled'),
    goOn: (box) => expectMerged(box, 'job.txt'),
  },
  {
    name: 'run',
    argv: (box) => ['run', id, '--repo', box.repo, '--epoch', '1'],
    prepare: (model) => aboutToRun(model),
    effect: () => null,
    goOn: (box) => expectMerged(box, 'job.txt'),
  },
  {
    name: 'log',
    argv: () => ['log', id],
    prepare: failed,
    effect: () => null,
    async goOn(box) {
      expectDone(await box.json('log', id))
    },
  },
  {
    name: 'diff',
    argv: () => ['diff', id],
    prepare: failed,
    effect: () => null,
    async goOn(box) {
      expectDone(await box.json('diff', id))
    },
  },
]

function expectDone(ran: Ran): void {
  if (ran.exitCode !== 0) throw new Error(`exit ${ran.exitCode}: ${ran.stdout}${ran.stderr}`)
}

// biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
function expectState(status: any, state: string): void {
  if (status.state !== state) throw new Error(`${status.id} is ${status.state}: ${status.reason}`)
}

/** Merged once, its file in the main checkout, and nothing of it left. */
async function expectMerged(box: Sandbox, file: string): Promise<void> {
  const status = await settled(box, id)
  expectState(status, 'merged')
  const commits = await landed(box, id)
  if (commits.length === 0) throw new Error('nothing landed')
  if (new Set(commits).size !== commits.length) throw new Error(`landed twice: ${commits.join(' | ')}`)
  if (!existsSync(join(box.repo, file))) throw new Error(`no ${file} in the main checkout`)
  const dirty = await box.git('status', '--porcelain', '--untracked-files=no')
  if (dirty !== '') throw new Error(`the main checkout is not clean: ${dirty}`)
  if (existsSync(join(box.state, 'worktrees', id))) throw new Error('its worktree is there')
}
