/** The corpus: which file is spoilt how. Far more than are played at once; the seed selects. */
import { join } from 'node:path'
import type * as z from 'zod/mini'
import { lockFamilyPath, machineQueue } from '../../../lib/state/paths.ts'
import { exit, refs, result, stop } from '../../../lib/state/schema/attempt.ts'
import { config } from '../../../lib/state/schema/config.ts'
import { event } from '../../../lib/state/schema/event.ts'
import { status } from '../../../lib/state/schema/status.ts'
import type { Sandbox } from '../../support/sandbox.ts'
import {
  type Damage,
  oddRecords,
  otherKinds,
  spoiltJson,
  spoiltLines,
  spoiltText,
  spoiltYaml,
} from './damage.ts'
import { goodLines, goodRecord, goodSpec, goodStatus, oddStatus } from './good.ts'
import { sample, wrongRecords } from './samples.ts'

export interface FileCase {
  readonly target: string
  readonly damage: Damage
  /** One task's file, or one that all share: those are spoilt one at a time. */
  readonly shared: boolean
  /** @param directory of the task, for files of a task */
  readonly path: (box: Sandbox, directory: string) => string
}

interface Target {
  readonly target: string
  readonly shared: boolean
  readonly path: FileCase['path']
  readonly damages: readonly Damage[]
}

/** Every case there is. @param unreadable files of mode 000 too */
export function allCases(unreadable: boolean): FileCase[] {
  const kinds = otherKinds(unreadable)
  const text = (good: string) => [...kinds, ...spoiltText(good)]
  const json = (good: Readonly<Record<string, unknown>>, schema: z.ZodMiniType) => [
    ...text(JSON.stringify(good, null, 2)),
    ...spoiltJson(good, schema),
  ]
  const lines = (good: string, schema?: z.ZodMiniType) => [...text(good), ...spoiltLines(good, schema)]
  const ofTask = (target: string, damages: readonly Damage[], name = target): Target => ({
    target,
    shared: false,
    path: (_, directory) => join(directory, name),
    damages,
  })
  const ofAll = (target: string, damages: readonly Damage[]): Target => ({
    target,
    shared: true,
    path: (box) => join(box.state, target),
    damages,
  })
  const attempt = (name: string) => `log/attempt-001/${name}`
  const stopRequest = { version: 1, at: '2026-02-03T04:05:06.789Z', cancel: false, by: 'a person' }
  const front = (yaml: string) => `---\n${yaml}\n---\nDo it.\n`
  const targets: readonly Target[] = [
    ofTask('status.json', [
      ...json(goodStatus('sample'), status),
      ...oddRecords(goodStatus('sample'), oddStatus),
    ]),
    ofTask('spec.md', [...text(goodSpec), ...spoiltYaml(front)]),
    ofTask('checkpoint.md', text('# Where I am\n\nNext: the test.\n')),
    ofTask('report.md', text('All done.\n')),
    ofTask('inbox/010-note.md', text('Use the other library.\n')),
    ofTask('outbox/010-said.md', text('It is harder than that.\n')),
    ...['inbox', 'inbox/seen', 'outbox', 'outbox/seen', 'log', 'log/attempt-001'].map((name) =>
      ofTask(name, kinds),
    ),
    ofTask('result.json', json(goodRecord(result), result)),
    ofTask('exit.json', json(goodRecord(exit), exit), attempt('exit.json')),
    ofTask('refs.json', json(goodRecord(refs), refs), attempt('refs.json')),
    ofTask('stop.json', json(stopRequest, stop)),
    ofTask('the trail', lines(goodLines('sample'), event), 'log/events.jsonl'),
    ofTask(
      'worker.jsonl',
      lines('{"type":"turn.started"}\n{"type":"turn.completed","usage":{}}\n'),
      attempt('worker.jsonl'),
    ),
    ofTask('stderr.log', text('warning: something\n'), attempt('stderr.log')),
    ofTask('run.lock', text('\n')),
    ofTask(
      'the task directory',
      // A plain file is no task: doctor finds it.
      kinds.filter(({ how }) => !['missing', 'of mode 000'].includes(how)),
      '.',
    ),
    {
      target: 'worktree/.git',
      shared: false,
      path: (box, directory) =>
        join(box.state, 'worktrees', directory.slice(directory.lastIndexOf('/') + 1), '.git'),
      damages: text('gitdir: /nowhere\n'),
    },
    ofAll('config.yaml', [
      ...text('version: 1\nattempts: 2\n'),
      ...spoiltYaml((yaml) => `version: 1\n${yaml}\n`),
      ...wrongConfig(),
    ]),
    ofAll('lessons/a-rule.md', [
      ...text('---\ntags: [web]\n---\nA rule.\n'),
      ...spoiltYaml((yaml) => `---\n${yaml}\n---\nA rule.\n`),
    ]),
    ofAll('events.jsonl', lines(goodLines('sample'), event)),
    ofAll('locks/config.json', text('{"sha256":"x","value":{"version":1}}')),
    ofAll(join('locks', lockFamilyPath('')), text('{"version":1,"family":"flock"}')),
    ...[
      'locks/dispatch.lock',
      'locks/git.lock',
      'locks/land.lock',
      'locks/runner.log',
      'locks/build',
      'locks',
    ].map((name) => ofAll(name, kinds)),
    ...[
      'archive',
      'archive/2026-01',
      'archive/2026-01/old-1',
      'tasks',
      'worktrees',
      'lessons',
      'templates',
      'shims',
      'git',
      'git/config',
      '.gitignore',
    ].map((name) => ofAll(name, kinds)),
    ofAll('archive/2026-01/old-1/status.json', json(goodStatus('old-1'), status)),
    {
      target: 'the queue for builds',
      shared: true,
      path: (box) => machineQueue(undefined, join(box.directory, 'home')),
      damages: kinds,
    },
    {
      target: 'a ticket of the queue',
      shared: true,
      path: (box) => join(machineQueue(undefined, join(box.directory, 'home')), '000000000001'),
      damages: text('{"task":"x"}\n'),
    },
  ]
  return targets.flatMap(({ damages, ...target }) => damages.map((damage) => ({ ...target, damage })))
}

/** JSON is YAML, so every wrong record is a wrong configuration. */
function wrongConfig(): Damage[] {
  const good = sample(config)
  return spoiltJson(good as Record<string, unknown>, config).slice(-wrongRecords(config, good).length)
}

/** So many of them, from every target and every sort of damage. */
export function select(all: readonly FileCase[], count: number, random: () => number): FileCase[] {
  const groups = new Map<string, FileCase[]>()
  for (const one of all) {
    const key = `${one.target} ${one.damage.sort}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()]
    .flatMap((group) => {
      const shuffled = group.map((one) => ({ one, by: random() })).sort((a, b) => a.by - b.by)
      // Of a group four times as large twice as many are taken.
      return shuffled.map(({ one }, n) => ({ one, by: (n + random()) / Math.sqrt(group.length) }))
    })
    .sort((a, b) => a.by - b.by)
    .slice(0, count)
    .map(({ one }) => one)
}
