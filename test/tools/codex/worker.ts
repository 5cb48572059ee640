/** Runs the real program with our arguments against the scripted model and reads it with our own reader. */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ended, start } from '../../../lib/kit/proc.ts'
import { type WorkerCall, workerArgv } from '../../../lib/tools/codex/argv.ts'
import { EventReader, type WorkerEvent } from '../../../lib/tools/codex/events.ts'
import { classify, type WorkerFailure } from '../../../lib/tools/codex/failure.ts'
import { findCodex } from '../../../lib/tools/codex/find.ts'
import type { CodexSettings } from '../../../lib/tools/codex/settings.ts'
import { newTrack, type Track, track } from '../../../lib/tools/workers/track.ts'
import type { ScriptedModel } from '../../scripted-model/server.ts'

const repository = join(import.meta.dirname, '../../..')

export interface Run {
  events: WorkerEvent[]
  track: Track
  exitCode: number | null
  stderr: string
  failure: WorkerFailure | null
}

/** A place for workers: a worktree, a home of their own, a folder that is first on PATH. */
export class Place {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'codex-worker-')))
  readonly home = this.#folder('home')
  readonly worktree = this.#folder('worktree')
  readonly shims = this.#folder('shims')
  readonly #model: ScriptedModel

  constructor(model: ScriptedModel) {
    this.#model = model
  }

  settings(change: Partial<CodexSettings> = {}): CodexSettings {
    const config = { ...this.#model.codexConfig(), ...change.config }
    // Every key of ours and of the script's must be one that the program knows.
    const flags = ['--strict-config', ...(change.flags ?? [])]
    return { path: null, user_config: false, mcp_servers: [], ...change, config, flags }
  }

  /** Runs a worker to its end; `watch` sees the track after each event and may act on the process. */
  async run(
    prompt: string,
    call: Partial<WorkerCall> = {},
    watch: (state: Track, child: ChildProcess) => void = () => undefined,
  ): Promise<Run> {
    const path = `${this.shims}:/usr/local/bin:/usr/bin:/bin`
    const { worktree, home } = this
    const settings = this.settings()
    const argv = workerArgv({ model: 'gpt-5.5', effort: null, worktree, path, home, settings, ...call })
    const child = await start(findCodex(null, {}, repository).binary, argv, {
      cwd: '/',
      // The program tells times in its own time zone: it must be ours.
      env: {
        ...this.#model.env,
        TZ: process.env.TZ,
        PATH: path,
        HOME: home,
        CODEX_HOME: home,
        WORKER_MARK: 'here',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const reader = new EventReader()
    const events: WorkerEvent[] = []
    let state = newTrack(Date.now())
    let stderr = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const event of reader.feed(chunk)) {
        events.push(event)
        state = track(state, event, Date.now())
        watch(state, child)
      }
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk).slice(-4096)
    })
    const closed = new Promise((resolve) => child.stdout?.once('close', resolve))
    child.stdin?.end(prompt)
    const { exitCode, signal } = await ended(child)
    await closed
    const failure = classify({ track: state, exitCode, signal, stderrTail: stderr, now: new Date() })
    return { events, track: state, exitCode, stderr, failure }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, maxRetries: 5, retryDelay: 100 })
  }

  write(path: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.root, path), text, { mode })
  }

  #folder(name: string): string {
    const path = join(this.root, name)
    mkdirSync(path)
    return path
  }
}
