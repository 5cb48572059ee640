/** One way to bring about each thing that doctor can find, done for real in a sandbox. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa, type ResultPromise } from 'execa'
import { expect } from 'vitest'
import type { FindingCode } from '../../lib/rules/findings.ts'
import { refuseChanges } from '../../lib/tools/git/trusted.ts'
import { plant } from './bad-input.ts'
import { makeSandbox, root, type Sandbox, until } from './sandbox.ts'
import { kill, runnersOf, settled, spawnTask, workersOf } from './tasks.ts'

export type Undo = () => unknown

export interface Damage {
  /** Does it; gives what puts it right where --fix does not. */
  readonly cause: () => Promise<Undo | undefined> | Undo | undefined
  readonly fixable?: true
  /** Why it cannot be done on this machine, or null. */
  readonly impossible?: () => string | null
}

/** A sandbox with a task that landed and one that rests with uncommitted work. */
export async function damageable(): Promise<Sandbox> {
  const box = await makeSandbox({ config: { stop_grace_seconds: 1 } })
  // Otherwise the line of everybody on this machine would be looked at.
  box.env.XDG_STATE_HOME = join(box.directory, 'home', 'state')
  const commit = { run: 'echo hi > a.txt && git add -A && git commit -qm "add a"' }
  await spawnTask(box, 'lands', {}, [commit, { say: 'done' }])
  await settled(box, 'lands')
  await spawnTask(box, 'rests', {}, [{ run: 'echo c > c.txt' }, { hang: true }])
  await until('c.txt', () => existsSync(join(box.state, 'worktrees', 'rests', 'c.txt')))
  expect((await box.verb('stop', 'rests')).exitCode).toBe(0)
  return box
}

/** A name under which somebody who is gone was writing a file. */
export async function abandonedName(name: string): Promise<string> {
  const module = join(root, 'lib', 'kit', 'temporary.ts')
  const script = `import { temporaryName } from ${JSON.stringify(module)}; console.log(temporaryName('${name}'))`
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  return (await execa('node', args, { cwd: root })).stdout
}

const unlessRoot = () => (process.getuid?.() === 0 ? null : 'mounting needs root')

/** @param started gets every process that is started; the caller ends them */
export function damages(box: Sandbox, started: ResultPromise[]): Readonly<Record<FindingCode, Damage>> {
  const state = (...path: string[]) => join(box.state, ...path)
  const prompt = (name: string) => join(box.repo, '.claude', 'skills', 'dirigent', 'prompts', name)
  const dotGit = join(box.repo, '.git')
  const restsLog = (...path: string[]) => state('tasks', 'rests', 'log', ...path)

  /** Changes a file; what puts it back. */
  const edit = (path: string, change: (text: string) => string): Undo => {
    const before = readFileSync(path, 'utf8')
    writeFileSync(path, change(before))
    return () => writeFileSync(path, before)
  }
  const change = (path: string, fields: Readonly<Record<string, unknown>>): Undo =>
    edit(path, (text) => JSON.stringify({ ...JSON.parse(text), ...fields }))
  const configure = (config: Readonly<Record<string, unknown>>): Undo => {
    const undo = edit(state('config.yaml'), (text) => text)
    box.configure(config)
    return undo
  }
  const make = (path: string, content = ''): Undo => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return () => rmSync(path, { force: true })
  }
  const move = async (from: string, to: string): Promise<Undo> => {
    mkdirSync(dirname(to), { recursive: true })
    await execa('mv', [from, to])
    return () => execa('mv', [to, from])
  }
  /** Puts a program before all others on PATH. */
  const shadow = (name: string, script: string): Undo => {
    const bin = join(box.directory, `shadow-${name}`)
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const before = box.env.PATH
    box.env.PATH = `${bin}:${before}`
    return () => {
      box.env.PATH = before
    }
  }
  /** Starts something that carries the mark of an attempt; it says `up` when it is. */
  const marked = async (id: string, attempt: number, before = ''): Promise<undefined> => {
    const up = join(box.directory, `up-${started.length}`)
    rmSync(up, { force: true })
    const child = execa('/bin/sh', ['-c', `${before} : > ${up}; exec sleep 600`], {
      env: { ...box.env, DIRIGENT_ATTEMPT: `${state('tasks', id)}#${attempt}` },
      extendEnv: false,
      reject: false,
      buffer: false,
      stdin: 'ignore',
    })
    started.push(child)
    await until('it to be up', () => existsSync(up))
    return undefined
  }
  const planted = (id: string, more: Readonly<Record<string, unknown>> = {}): Undo => {
    const directory = plant(box, id, more)
    const event = { at: '2026-01-02T03:04:05.678Z', task: id, type: 'created', attempt: 0, to: 'waiting' }
    writeFileSync(join(directory, 'log', 'events.jsonl'), `${JSON.stringify({ ...event, text: id })}\n`)
    return () => rmSync(directory, { recursive: true })
  }
  const workplace = (id: string) => ({
    branch: `dirigent/${id}`,
    worktree: state('worktrees', id),
    git_dir: join(dotGit, 'worktrees', id),
    start: 'f'.repeat(40),
    prepared: true,
    included: [],
    resetting: null,
    ports: { base: 31_000, count: 10 },
  })
  const trail = () => join(box.task('lands'), 'log', 'events.jsonl')
  const both =
    (...undo: readonly Undo[]): Undo =>
    async () => {
      for (const one of [...undo].reverse()) await one()
    }

  return {
    'not-initialised': { cause: () => move(box.state, join(box.directory, 'away')) },
    'config-unreadable': { cause: () => edit(state('config.yaml'), () => 'version: [\n') },
    'prompt-unusable': { cause: () => edit(prompt('mail.md'), () => 'Hi {{name}}.\n') },
    'skill-differs': {
      fixable: true,
      cause: () => {
        const undo = edit(prompt('mail.md'), (text) => `${text}Of before.\n`)
        const put = createHash('sha256')
          .update(readFileSync(prompt('mail.md')))
          .digest('hex')
        const record = join(prompt('..'), '.installed.json')
        const { files } = JSON.parse(readFileSync(record, 'utf8'))
        const forget = change(record, { files: { ...files, 'prompts/mail.md': put } })
        return () => [undo(), forget()]
      },
    },
    'prompt-unknown': { cause: () => make(prompt('mails.md'), 'Hi.\n') },
    'state-not-writable': {
      impossible: unlessRoot,
      cause: async () => {
        await execa('mount', ['--bind', state('archive'), state('archive')])
        await execa('mount', ['-o', 'remount,ro,bind', state('archive')])
        return () => execa('umount', [state('archive')])
      },
    },
    'disk-low': {
      impossible: unlessRoot,
      cause: async () => {
        await execa('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', state('archive')])
        writeFileSync(state('archive', 'ballast'), Buffer.alloc(8 * 1024 * 1024 - 300_000))
        return () => execa('umount', [state('archive')])
      },
    },
    'git-unusable': {
      cause: () =>
        shadow(
          'git',
          `[ "$1" = --version ] && echo git version 2.30.1 && exit\nexec /usr/bin/env PATH="\${PATH#*:}" git "$@"`,
        ),
    },
    // What this Node is cannot be changed; the figure that it is held against can: see the test.
    'node-too-old': { cause: () => undefined, impossible: () => 'it has a test of its own' },
    'worker-unusable': {
      cause: () => configure({ codex: { path: '/nowhere/codex', config: box.model.codexConfig() } }),
    },
    'hooks-untrusted': {
      cause: () => configure({ codex: { config: { ...box.model.codexConfig(), 'hooks.PostToolUse': [] } } }),
    },
    'worker-not-logged-in': { cause: () => configure({ codex: {} }) },
    'base-missing': { cause: () => configure({ base: 'nowhere' }) },
    'cannot-commit': {
      cause: () =>
        edit(
          join(box.directory, 'gitconfig'),
          (text) => `${text}[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n`,
        ),
    },
    'lock-family-mismatch': {
      fixable: true,
      cause: () => {
        change(state('locks', 'family.json'), { family: 'proper-lockfile', why: 'a test says so' })
        return undefined
      },
    },
    'task-unreadable': {
      cause: () =>
        both(
          planted('torn'),
          edit(state('tasks', 'torn', 'status.json'), (text) => text.slice(9)),
        ),
    },
    'record-unreadable': {
      cause: () => edit(join(box.task('lands'), 'result.json'), (text) => text.slice(0, 40)),
    },
    'id-twice': {
      cause: async () => {
        await execa('cp', ['-r', box.task('lands'), state('tasks', 'lands')])
        return () => rmSync(state('tasks', 'lands'), { recursive: true })
      },
    },
    'archived-not-ended': {
      cause: async () => {
        const undo = planted('hidden')
        const back = await move(state('tasks', 'hidden'), state('archive', '2026-01', 'hidden'))
        return both(undo, back)
      },
    },
    'epoch-ahead': { cause: () => change(join(box.task('lands'), 'result.json'), { epoch: 99 }) },
    'foreign-file': {
      fixable: true,
      cause: () => {
        const path = state('tasks', 'rests', 'checkpoint.md')
        rmSync(path, { force: true })
        symlinkSync('/etc/passwd', path)
        return undefined
      },
    },
    'two-workers': {
      cause: async () => {
        for (const n of [1, 2])
          await marked('rests', n, `exec >> ${restsLog('attempt-001', 'worker.jsonl')};`)
        return async () => {
          for (const child of started) child.kill('SIGKILL')
          await Promise.all(started)
        }
      },
    },
    'lost-attempt': {
      fixable: true,
      cause: async () => {
        await spawnTask(box, 'lost', { change: 'none' }, { attempts: [[{ hang: true }], [{ say: 'done' }]] })
        await until('its worker', () => workersOf(box, 'lost').length > 0 && box.status('lost').worker)
        kill(...runnersOf(box, 'lost'), ...workersOf(box, 'lost'))
        await until('their end', () => workersOf(box, 'lost').length === 0)
        // Taken up again, it comes to its end.
        return () => settled(box, 'lost')
      },
    },
    'orphan-process': { fixable: true, cause: () => marked('lands', 1) },
    'lock-leaked': {
      fixable: true,
      cause: () => marked('rests', 1, `exec 9>> ${state('tasks', 'rests', 'run.lock')}; flock -x 9;`),
    },
    'supervisor-stopped': {
      cause: async () => {
        const lock = state('locks', 'supervisor.lock')
        const child = execa('flock', ['-o', lock, 'sleep', '1000'], { reject: false, stdin: 'ignore' })
        started.push(child)
        await until('the lock', async () => (await box.json('supervise')).json.data.outcome === 'already')
        child.kill('SIGSTOP')
        return () => child.kill('SIGKILL')
      },
    },
    'landed-unreachable': {
      cause: async () => {
        const tip = await box.git('rev-parse', 'main')
        await box.git('update-ref', 'refs/heads/main', 'main~1')
        return () => box.git('update-ref', 'refs/heads/main', tip)
      },
    },
    'result-commit-missing': {
      cause: () => change(join(box.task('lands'), 'result.json'), { commit: 'f'.repeat(40) }),
    },
    'worktree-missing': { cause: () => move(state('worktrees', 'rests'), join(box.directory, 'moved')) },
    'git-lock-stale': {
      fixable: true,
      cause: () => {
        make(join(dotGit, 'index.lock'))
        utimesSync(join(dotGit, 'index.lock'), 1, 1)
        return undefined
      },
    },
    'check-broke': { cause: () => make(join(dotGit, 'packed-refs'), 'not a line of git\n') },
    'locks-weaker': {
      cause: () =>
        both(
          shadow('flock', 'exit 1'),
          change(state('locks', 'family.json'), { family: 'proper-lockfile', why: 'a test says so' }),
        ),
    },
    'git-config-refused': {
      cause: async () => {
        await box.git('config', 'user.nickname', 'mallory')
        expect(refuseChanges(dotGit, state('git'))).toBe(true)
        return () => box.git('config', '--unset', 'user.nickname')
      },
    },
    'state-tracked': {
      cause: async () => {
        await box.git('add', '--force', state('tasks', 'rests', 'status.json'))
        return () => box.git('reset', '--quiet')
      },
    },
    'ignore-damaged': {
      fixable: true,
      cause: () => {
        edit(state('.gitignore'), () => '# nothing\n')
        return undefined
      },
    },
    'agents-too-big': { cause: () => make(join(box.repo, 'AGENTS.md'), 'x'.repeat(40_000)) },
    'lesson-unreadable': {
      cause: () => make(join(box.state, 'lessons', 'bad.md'), '---\npath: [src]\n---\nNo.\n'),
    },
    'attempt-ahead': {
      cause: () => {
        mkdirSync(restsLog('attempt-009'))
        return () => rmSync(restsLog('attempt-009'), { recursive: true })
      },
    },
    'trail-behind': {
      fixable: true,
      cause: () => {
        edit(trail(), (text) => text.replace(/^.*"to":"merged".*\n/m, ''))
        return undefined
      },
    },
    'trail-damaged': {
      fixable: true,
      cause: () => {
        edit(trail(), (text) => `${text}{"at":"2026-01\n\0\0\0\n`)
        return undefined
      },
    },
    'ended-not-archived': {
      fixable: true,
      cause: async () => {
        await move(box.task('lands'), state('tasks', 'lands'))
        return undefined
      },
    },
    'worktree-without-task': {
      fixable: true,
      cause: async () => {
        await box.git('worktree', 'add', '--quiet', '--detach', state('worktrees', 'nobody'))
        writeFileSync(state('worktrees', 'nobody', 'work.txt'), 'hours of it\n')
        return undefined
      },
    },
    'git-entry-dangling': {
      fixable: true,
      cause: async () => {
        await box.git('worktree', 'add', '--quiet', '--detach', state('worktrees', 'gone'))
        rmSync(state('worktrees', 'gone'), { recursive: true })
        return undefined
      },
    },
    'branch-without-task': {
      fixable: true,
      cause: async () => {
        await box.git('branch', 'dirigent/nobody')
        return undefined
      },
    },
    'ports-twice': {
      cause: () => both(...['one', 'two'].map((id) => planted(id, { attempt: 1, workplace: workplace(id) }))),
    },
    'kept-ref-gone': {
      fixable: true,
      cause: () => {
        const event = { at: '2026-01-02T03:04:05.678Z', task: 'lands', type: 'kept', attempt: 1 }
        const text = 'refs/dirigent/kept/lands/99: the worktree as it was'
        edit(trail(), (before) => `${JSON.stringify({ ...event, text })}\n${before}`)
        return undefined
      },
    },
    'half-made-task': {
      fixable: true,
      cause: async () => {
        make(state('tasks', await abandonedName('half'), 'spec.md'), 'Do it.\n')
        return undefined
      },
    },
    'temporary-file': {
      fixable: true,
      cause: async () => {
        make(restsLog('attempt-001', await abandonedName('exit.json')), '{')
        return undefined
      },
    },
    'stale-ticket': {
      fixable: true,
      cause: () => {
        make(join(box.directory, 'home', 'state', 'dirigent', 'build', '00000007.ticket'), '{}')
        return undefined
      },
    },
    'set-aside': {
      fixable: true,
      cause: () => {
        symlinkSync('/etc/passwd', state('tasks', 'rests', '.found-k2j3-status.json'))
        return undefined
      },
    },
    'stray-file': { cause: () => make(state('tasks', 'notes.txt'), 'mine\n') },
  }
}
