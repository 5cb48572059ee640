/** Runs the real codex against the scripted model, for the tests of this folder. */

import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { codexFlags } from './config.ts'
import type { ScriptedModel } from './server.ts'

export interface CodexRun {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly stderr: string
  readonly events: readonly CodexEvent[]
  /** The text of every agent message. */
  readonly said: readonly string[]
  readonly commands: readonly CodexItem[]
  /** Of `turn.failed`; empty without one. */
  readonly failure: string
  readonly threadId: string
}

export interface CodexEvent {
  readonly type: string
  readonly thread_id?: string
  readonly item?: CodexItem
  readonly error?: { readonly message: string }
  readonly message?: string
  readonly usage?: Readonly<Record<string, number>>
}

export interface CodexItem {
  readonly type: string
  readonly text?: string
  readonly command?: string
  readonly aggregated_output?: string
  readonly exit_code?: number | null
  readonly changes?: readonly { readonly path: string; readonly kind: string }[]
}

export interface CodexOptions {
  readonly model?: string
  /** Goes on with this thread. */
  readonly resume?: string
  /** Ends codex, by `killSignal`. */
  readonly signal?: AbortSignal
  readonly killSignal?: 'SIGTERM' | 'SIGINT'
  readonly config?: Record<string, unknown>
}

/** A directory to work in and an empty CODEX_HOME, both gone after `remove`. */
export class Bench {
  readonly dir: string
  readonly home: string

  constructor(dir: string, home: string) {
    this.dir = dir
    this.home = home
  }

  static async make(): Promise<Bench> {
    const make = async (name: string) => realpath(await mkdtemp(join(tmpdir(), `scripted-${name}-`)))
    return new Bench(await make('work'), await make('home'))
  }

  async codex(model: ScriptedModel, prompt: string, options: CodexOptions = {}): Promise<CodexRun> {
    const flags = codexFlags({ ...model.codexConfig(), ...options.config })
    const resume = options.resume === undefined ? [] : ['resume', options.resume]
    const result = await execa(
      nativeCodex(),
      [
        ...['exec', '--json', '--strict-config', '--dangerously-bypass-approvals-and-sandbox'],
        ...[
          '--skip-git-repo-check',
          '-C',
          this.dir,
          '-m',
          options.model ?? 'gpt-5.5',
          ...flags,
          ...resume,
          '-',
        ],
      ],
      {
        input: prompt,
        reject: false,
        env: { ...model.env, CODEX_HOME: this.home, HOME: this.home },
        ...(options.signal
          ? { cancelSignal: options.signal, killSignal: options.killSignal ?? 'SIGTERM' }
          : {}),
      },
    )
    return readRun(result.stdout, result.stderr, result.exitCode, result.signal)
  }

  async remove(): Promise<void> {
    await Promise.all([this.dir, this.home].map((path) => rm(path, { recursive: true, maxRetries: 5 })))
  }
}

function readRun(stdout: string, stderr: string, exitCode?: number, signal?: string): CodexRun {
  const events: CodexEvent[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const done = events.flatMap(({ type, item }) => (type === 'item.completed' && item ? [item] : []))
  return {
    exitCode,
    signal,
    stderr,
    events,
    said: done.flatMap(({ type, text }) => (type === 'agent_message' && text !== undefined ? [text] : [])),
    commands: done.filter(({ type }) => type === 'command_execution'),
    failure: events.find(({ type }) => type === 'turn.failed')?.error?.message ?? '',
    threadId: events.find(({ type }) => type === 'thread.started')?.thread_id ?? '',
  }
}

/** The binary itself: the launcher of the npm package would only add a process. */
function nativeCodex(): string {
  const require = createRequire(import.meta.url)
  const launcher = createRequire(require.resolve('@openai/codex/package.json'))
  const target = process.arch === 'arm64' ? 'aarch64-unknown-linux-musl' : 'x86_64-unknown-linux-musl'
  const platform = launcher.resolve(`@openai/codex-linux-${process.arch}/package.json`)
  return join(dirname(platform), 'vendor', target, 'bin', 'codex')
}
