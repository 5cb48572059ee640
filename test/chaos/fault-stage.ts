/** Where verbs meet faults: a sandbox that is put back to how it was before each. */
import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { runnersOf } from '../support/tasks.ts'
import { GitFaults } from './fault-git.ts'
import type { FaultVerb } from './fault-verbs.ts'
import { type Call, type Fault, type Traceable, type Traced, traced, untraced } from './strace.ts'

/** A sandbox that can be put back to how it was. */
/** A call that can be made to fail; in the n-th git that the verb starts, or in the verb itself. */
export interface Point {
  readonly git: number | null
  readonly call: Call
}

export class Stage {
  readonly box: Sandbox
  readonly #saved: string

  readonly #gits: GitFaults

  private constructor(box: Sandbox, saved: string) {
    this.#gits = new GitFaults(box.directory)
    this.box = box
    this.#saved = saved
    copy(box.repo, saved)
  }

  /** @param saved where its files are kept */
  static async of(box: Sandbox, saved: string): Promise<Stage> {
    await until('its runners to leave', () => runnersOf(box, 'job').length === 0)
    return new Stage(box, saved)
  }

  restore(): void {
    // A git whose verb was killed may still be writing.
    rmSync(this.box.repo, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    copy(this.#saved, this.box.repo)
  }

  /** Until nothing of the task runs any more. */
  async quiet(): Promise<void> {
    await until('its runners to leave', () => runnersOf(this.box, 'job').length === 0)
  }

  /** Runs the verb with a call of its own made to fail, or one of a git that it starts. */
  async run(verb: FaultVerb, fault: Fault | null, git: number | null = null): Promise<Traced> {
    const { box } = this
    const program = { argv: this.#argv(verb), cwd: box.repo, env: box.env }
    if (git === null)
      return await withLock(box, verb, (more) => traced({ ...program, ...more }, box.repo, fault))
    const env = this.#gits.arm(box.env, fault && { git, fault })
    const ran = await withLock(box, verb, (more) => untraced({ ...program, env, ...more }))
    await this.quiet()
    return { ...ran, calls: this.#gits.seen(box.repo).map(({ call }) => call) }
  }

  /** A run in which nothing fails; gives what could. */
  async count(verb: FaultVerb): Promise<readonly Point[]> {
    const whole = await this.run(verb, null)
    await this.quiet()
    const own = whole.calls.map((call) => ({ git: null, call }))
    this.restore()
    await this.run(verb, null, 0)
    return [...own, ...this.#gits.seen(this.box.repo)]
  }

  #argv(verb: FaultVerb): string[] {
    const [name, ...args] = verb.argv(this.box)
    const json = name === 'run' ? [] : ['--json']
    const words = args.includes('--') ? [...json, ...args] : [...args, ...json]
    return [process.execPath, join(root, 'dist', `${name}.cjs`), ...words]
  }
}

/** The runner is handed its task's lock. */
async function withLock(
  box: Sandbox,
  verb: FaultVerb,
  run: (more: Pick<Traceable, 'fd'>) => Promise<Traced>,
): Promise<Traced> {
  if (verb.name !== 'run') return await run({})
  const fd = openSync(join(box.task('job'), 'run.lock'), 'a')
  try {
    execFileSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'inherit', fd] })
    return await run({ fd })
  } finally {
    closeSync(fd)
  }
}

/** As `cp -a`: links and times stay. */
function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}
