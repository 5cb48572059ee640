/**
 * A place to try Dirigent in: a real git repository, a home of its own, a scripted model, and the real
 * verbs and codex as processes. Everything is removed at the end, processes included.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { cgroupFor, removeCgroup } from '../../lib/kit/cgroup.ts'
import { errno } from '../../lib/kit/errors.ts'
import type { VerbName } from '../../lib/view/verbs.ts'
import { type ScriptedModel, startScriptedModel } from '../scripted-model/server.ts'
import { noteAnswer, noteFailure, noteFailures } from './met.ts'
import { killAll } from './processes.ts'
import { environment, isBuilt, makeRepository, root } from './template.ts'

export { root }

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** stdout as the JSON envelope; throws when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers freely
  readonly json: any
}

export interface Sandbox {
  readonly directory: string
  readonly repo: string
  readonly state: string
  readonly env: NodeJS.ProcessEnv
  readonly model: ScriptedModel
  /** Runs a verb in the repository. */
  verb(name: VerbName | 'run' | 'help', ...args: string[]): Promise<Ran>
  /** The same with --json added. */
  json(name: VerbName, ...args: string[]): Promise<Ran>
  git(...args: string[]): Promise<string>
  /** Writes a file in the repository. */
  write(path: string, content: string): void
  read(path: string): string
  commit(message: string): Promise<void>
  /** Writes a spec beside the repository; gives its path. `steps` become its script block. */
  spec(front: Readonly<Record<string, unknown>>, steps: unknown, text?: string): string
  /** Writes .orchestrator-state/config.yaml: the scripted model, and what is given. */
  configure(config: Readonly<Record<string, unknown>>): void
  /** The task's status.json, live or archived. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into records freely
  status(id: string): any
  /** The task's directory, live or archived. */
  task(id: string): string
  /** Ends every process of it with SIGKILL, as a machine that is switched off would. */
  killAll(): Promise<void>
  close(): Promise<void>
}

export interface SandboxOptions {
  /** Run `init`; default true. */
  readonly init?: boolean
  readonly config?: Readonly<Record<string, unknown>>
  /** Use this model instead of one of its own. */
  readonly model?: ScriptedModel
}

export async function makeSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'dirigent-test-')))
  const repo = join(directory, 'repo')
  const model = options.model ?? (await startScriptedModel())
  const env = { ...environment(directory), ...model.env }
  await makeRepository(directory, env, options.init)
  let specs = 0
  const sandbox: Sandbox = {
    directory,
    repo,
    state: join(repo, '.orchestrator-state'),
    env,
    model,
    verb: (name, ...args) => runVerb(name, args, repo, env),
    json: (name, ...args) => runVerb(name, [...args, '--json'], repo, env),
    git: async (...args) => (await execa('git', args, { cwd: repo, env, extendEnv: false })).stdout,
    write(path, content) {
      mkdirSync(dirname(join(repo, path)), { recursive: true })
      writeFileSync(join(repo, path), content)
    },
    read: (path) => readFileSync(join(repo, path), 'utf8'),
    async commit(message) {
      await sandbox.git('add', '--all')
      await sandbox.git('commit', '--quiet', '--message', message)
    },
    spec(front, steps, text = 'Do it.') {
      specs += 1
      const path = join(directory, `spec-${specs}.md`)
      writeFileSync(
        path,
        `---\n${stringify(front)}---\n${text}\n\n\`\`\`script\n${JSON.stringify(steps)}\n\`\`\`\n`,
      )
      return path
    },
    configure(config) {
      mkdirSync(sandbox.state, { recursive: true })
      const codex = { config: model.codexConfig() }
      writeFileSync(
        join(sandbox.state, 'config.yaml'),
        // Where a test is about the supervisor it says so; for the others it would be one more process at work.
        stringify({ version: 1, model: 'gpt-5.5', codex, supervise: { auto: false }, ...config }),
      )
    },
    status: (id) =>
      inTask(sandbox, id, (directory) => {
        noteFailure(directory)
        return JSON.parse(readFileSync(join(directory, 'status.json'), 'utf8'))
      }),
    task(id) {
      const live = join(sandbox.state, 'tasks', id)
      if (existsSync(live)) return live
      const archive = join(sandbox.state, 'archive')
      const thisMonth = new Date().toISOString().slice(0, 7)
      // The month may have ended since.
      const months = existsSync(archive) ? readdirSync(archive).sort().reverse() : []
      const month = months.find((name) => existsSync(join(archive, name, id))) ?? thisMonth
      return join(archive, month, id)
    },
    killAll: () => killAll(directory),
    async close() {
      await killAll(directory)
      await removeCgroups(sandbox.state)
      noteFailures(sandbox.state)
      if (!options.model) await model.close()
      rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    },
  }
  if (options.init !== false) {
    sandbox.configure(options.config ?? {})
    await sandbox.commit('dirigent init')
  }
  return sandbox
}

/** Reads in a task's directory, which may be moved to the archive meanwhile. */
export function inTask<T>(box: Pick<Sandbox, 'task'>, id: string, read: (directory: string) => T): T {
  const directory = box.task(id)
  try {
    return read(directory)
  } catch (error) {
    if (errno(error) !== 'ENOENT' || box.task(id) === directory) throw error
    return read(box.task(id))
  }
}

/** Runs a verb anywhere with any environment. */
export async function runVerb(
  name: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  input?: string,
): Promise<Ran> {
  const [program = '', ...words] = programOf(name)
  const done = await execa(program, [...words, ...args], {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    timeout: 120_000,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  })
  const [exitCode, stdout, stderr] = [done.exitCode ?? -1, String(done.stdout), String(done.stderr)]
  noteAnswer(name, exitCode, stdout, stderr)
  return {
    exitCode,
    stdout,
    stderr,
    get json() {
      return JSON.parse(stdout)
    },
  }
}

/** In a run of the tests, which begins with a build, what bin/<verb> would come to: it looks whether a source is newer. */
function programOf(name: string): string[] {
  if (isBuilt()) return [process.execPath, join(root, 'dist', `${name}.cjs`)]
  return name === 'run' || name === 'help' ? [join(root, 'bin', 'dirigent'), name] : [join(root, 'bin', name)]
}

/** Waits for a condition, never for a time. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  limit = 30_000,
): Promise<NonNullable<T>> {
  const giveUp = Date.now() + limit
  let last: unknown
  while (Date.now() < giveUp) {
    try {
      const seen = await look()
      if (seen) return seen
      last = seen
    } catch (error) {
      last = error
    }
    await delay(25)
  }
  throw new Error(
    `${what} did not happen within ${limit} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  )
}

/** Of attempts whose runner was killed, and that no verb has seen since. */
async function removeCgroups(state: string): Promise<void> {
  const tasks = join(state, 'tasks')
  for (const id of existsSync(tasks) ? readdirSync(tasks) : [])
    for (let n = 1; existsSync(join(tasks, id, 'log', `attempt-${String(n).padStart(3, '0')}`)); n++) {
      const cgroup = cgroupFor(`${join(tasks, id)}#${n}`)
      if (cgroup !== null) await removeCgroup(cgroup)
    }
}
