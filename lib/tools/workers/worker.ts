/**
 * What every kind of worker can be asked, whatever its program: codex, claude, or a command of the person's. Whoever
 * runs workers knows these words alone. One of a kind is made from its settings and an environment (`kinds.ts`).
 */
import type { WorkerEvent } from './event.ts'
import type { Ending, WorkerFailure } from './failure.ts'
import type { HookName, Hooks } from './hooks.ts'
import type { Usage } from './usage.ts'

export interface WorkerKind {
  /** As specs say it. */
  readonly name: string
  /** The program that is started. Throws `worker-not-found`. */
  find(): string
  /** A sentence with what to type, or null when a worker can start. Files and variables are looked at, nothing is run. */
  loginProblem(): string | null
  /** Whose limits it meets; null when that is not known, so that nobody waits for them. */
  provider(): string | null
  command(call: WorkerCall): WorkerCommand
  /** Variables (globs) that are kept from workers and that this one needs to sign its requests. */
  readonly needs: readonly string[]
  /** The program is a shell, which keeps a signal from what it runs: its whole group is signalled. */
  readonly isShell: boolean
  /** Reads one attempt's output; throws never. */
  events(): EventReader
  /** What its start and its end say by themselves, where its events do not. */
  readonly atStart: readonly WorkerEvent[]
  atEnd(exitCode: number | null, stderrTail: string): readonly WorkerEvent[]
  /** Null when the turn completed. */
  classify(ending: Ending): WorkerFailure | null
  /** What is known of a thread; null when it cannot be gone on with. */
  session(thread: string): Session | null
  /** Its events count what the whole thread used, and not this attempt alone. */
  readonly countsThread: boolean
  /** Null when nothing of ours runs beside it. */
  readonly hooks: null | {
    readonly names: readonly HookName[]
    /** What may be the matter when one did not run. */
    readonly whyNot: string
  }
  /** Runs the program; throws `program-failed` when it does not run. `main`: the repository it would work in. */
  examine(program: string, main: string): Promise<Examined>
}

export interface WorkerCall {
  model: string | null
  effort: string | null
  worktree: string
  /** PATH for the worker's commands, our own folder first; put the same into the worker's environment. */
  path: string
  hooks?: Hooks
  /** Which rules of the repository it is to read, for a program that does not load them by itself. */
  house: () => string
  /** The thread to go on with; the worker still works in `worktree`, wherever the thread began. */
  resume?: string | null
  /** The thread of which a copy is asked something: it may run on meanwhile, and the copy can change nothing. */
  aside?: string | null
}

/** The prompt comes on stdin. */
export interface WorkerCommand {
  readonly argv: string[]
  /** Beside the worker's environment. */
  readonly env: Readonly<Record<string, string>>
}

export interface EventReader {
  feed(chunk: Buffer): WorkerEvent[]
}

export interface Session {
  /** The newest total of the thread, where it is written down. Reads a bounded piece of what was appended. */
  read(): Usage | null
  /** The last read did not reach the end. */
  readonly more: boolean
  /** What the newest turn has used, where it is written down. */
  readonly turn: Usage | null
  /** Tokens that the conversation held at the newest answer that was read; null before the first. */
  readonly context: number | null
}

export interface Examined {
  /** Null when it has none. */
  readonly version: string | null
  readonly troubles: readonly {
    readonly code: 'hooks-untrusted' | 'agents-too-big'
    readonly what: string
    readonly fix: string
  }[]
}
