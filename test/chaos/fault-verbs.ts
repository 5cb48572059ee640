/**
 * Every verb that changes state, in a state made for it: what is typed, what it has done when it says so, and
 * how the next commands bring its task to its end.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { VerbName } from '../../lib/view/verbs.ts'
import { makeSandbox, type Sandbox } from '../support/sandbox.ts'
import { landed, settled, spawnTask } from '../support/tasks.ts'
import {
  aboutToRun,
  ended,
  expectDone,
  expectMerged,
  expectState,
  failed,
  id,
  initialised,
  messages,
  planned,
  underReview,
  work,
} from './fault-states.ts'

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
      // Without the scripted model there is no login, and doctor says so.
      box.configure({})
    },
  },
  {
    name: 'init --uninstall',
    argv: () => ['init', '--uninstall'],
    prepare: initialised,
    effect: (box) => (existsSync(join(box.state, 'locks')) ? 'its locks are there' : null),
    async goOn(box) {
      expectDone(await box.json('init', '--uninstall'))
      if (existsSync(join(box.repo, '.claude', 'skills'))) throw new Error('the skill is there')
      expectDone(await box.json('init'))
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
    effect: (box) =>
      box.status(id).state === 'failed' ? `it is failed still: ${box.status(id).reason}` : null,
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
    name: 'accept, of a plan of one',
    argv: () => ['accept', id],
    prepare: planned,
    effect: (box) => (box.status(id).state === 'review' ? 'it is under review still' : null),
    async goOn(box) {
      if (box.status(id).state === 'review') expectDone(await box.json('accept', id))
      await expectMerged(box, 'job.txt')
    },
  },
  {
    name: 'accept, of a plan of two',
    argv: () => ['accept', id],
    prepare: (model) => planned(model, ['first', 'second']),
    effect: (box) => (box.status(id).state === 'done' ? null : 'it is under review still'),
    async goOn(box) {
      if (box.status(id).state !== 'done') expectDone(await box.json('accept', id))
      expectState(await settled(box, id, 'first', 'second'), 'done')
      for (const one of ['first', 'second']) expectState(box.status(one), 'merged')
      for (const one of ['first', 'second'])
        if ((await landed(box, one)).length !== 1)
          throw new Error(`${one} landed another number of times than once`)
    },
  },
  {
    name: 'reject',
    argv: () => ['reject', id, 'mind the gap'],
    prepare: planned,
    effect: (box) =>
      box.status(id).attempt === 1 && box.status(id).state === 'review' ? 'it is under review still' : null,
    async goOn(box) {
      if (box.status(id).attempt === 1 && box.status(id).state === 'review')
        expectDone(await box.json('reject', id, 'mind the gap'))
      const again = await settled(box, id)
      expectState(again, 'review')
      if (again.attempt !== 2) throw new Error(`it is at attempt ${again.attempt}`)
    },
  },
  {
    name: 'lesson',
    argv: () => ['lesson', 'add', 'A rule.', '--id', 'a-rule'],
    prepare: initialised,
    effect: (box) => (existsSync(join(box.state, 'lessons', 'a-rule.md')) ? null : 'no lesson'),
    async goOn(box) {
      expectDone(await box.json('lesson', 'add', 'A rule.', '--id', 'a-rule'))
      const { lessons } = (await box.json('lesson', 'list')).json.data
      if (lessons.length !== 1) throw new Error(`${lessons.length} lessons`)
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
    name: 'send',
    argv: () => ['send', id, 'mind the gap', '--id', 'gap'],
    prepare: failed,
    effect: (box) => (messages(box) > 0 ? null : 'there is no message'),
    async goOn(box) {
      expectDone(await box.json('send', id, 'mind the gap', '--id', 'gap'))
      if (messages(box) !== 1) throw new Error(`${messages(box)} messages`)
    },
  },
  {
    name: 'doctor --fix',
    argv: () => ['doctor', '--fix'],
    async prepare(model) {
      const box = await failed(model)
      // What crashes leave: a half-made task, a worktree that no task knows.
      mkdirSync(join(box.state, 'tasks', '.tmp-half-made', 'log'), { recursive: true })
      mkdirSync(join(box.state, 'worktrees', 'nobody'))
      return box
    },
    effect: () => null,
    async goOn(box) {
      expectDone(await box.json('doctor', '--fix'))
    },
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
