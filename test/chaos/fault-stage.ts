/** Where verbs meet faults: a sandbox that is put back to how it was before each. */
import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { runnersOf } from '../support/tasks.ts'
import type { FaultVerb } from './fault-verbs.ts'
import { type Fault, type Traceable, type Traced, traced } from './strace.ts'

/** A sandbox that can be put back to how it was. */
export class Stage {
  readonly box: Sandbox
  readonly #saved: string

  private constructor(box: Sandbox, saved: string) {
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
    rmSync(this.box.repo, { recursive: true, force: true })
    copy(this.#saved, this.box.repo)
  }

  /** Until nothing of the task runs any more. */
  async quiet(): Promise<void> {
    await until('its runners to leave', () => runnersOf(this.box, 'job').length === 0)
  }

  async run(verb: FaultVerb, fault: Fault | null): Promise<Traced> {
    const { box } = this
    const [name, ...args] = verb.argv(box)
    const json = name === 'run' ? [] : ['--json']
    const words = args.includes('--') ? [...json, ...args] : [...args, ...json]
    const program: Traceable = {
      argv: [process.execPath, join(root, 'dist', `${name}.cjs`), ...words],
      cwd: box.repo,
      env: box.env,
    }
    if (name !== 'run') return await traced(program, box.repo, fault)
    const fd = openSync(join(box.task('job'), 'run.lock'), 'a')
    try {
      execFileSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'inherit', fd] })
      return await traced({ ...program, fd }, box.repo, fault)
    } finally {
      closeSync(fd)
    }
  }
}

/** As `cp -a`: links and times stay. */
function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}
