/**
 * Starts programs: argument arrays, an explicit directory and environment, bounded output, a time
 * limit. Never a shell, unless the caller names /bin/sh for a command that a person wrote.
 * (Why not a process library: `lib/DECISIONS.md`, "child_process in the hot path".)
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Failure } from './errors.ts'

export interface RunOptions {
  readonly cwd: string
  /** The whole environment of the program; nothing is added. */
  readonly env: NodeJS.ProcessEnv
  readonly input?: string | Buffer
  /** Milliseconds; then SIGTERM, and SIGKILL two seconds later. What the program itself started is not ended. */
  readonly timeout?: number
  /** Bytes kept of stdout; more is an error, because half an answer is no answer. Default 16 MiB. */
  readonly limit?: number
  /** Where half an answer is one: more is left out, and the program ended. */
  readonly cut?: boolean
}

export interface RunResult {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  /** The last 16 kB of stderr. */
  readonly stderr: string
  readonly timedOut: boolean
  /** It had more to say, and was ended by us. */
  readonly cut: boolean
}

/** Runs a program to its end. A non-zero exit is a result, not an error; not starting is an error. */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const limit = options.limit ?? 16 * 1024 * 1024
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: options.cwd, env: options.env, stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    let size = 0
    let stderr = ''
    let timedOut = false
    let escalation: NodeJS.Timeout | undefined
    const end = (signal: NodeJS.Signals) => {
      // Something that it started may hold its pipes open for ever, also when it has ended itself.
      const letGo = () => {
        child.stdout.destroy()
        child.stderr.destroy()
      }
      if (hasEnded(child)) letGo()
      else child.once('exit', letGo)
      child.kill(signal)
    }
    const timer = options.timeout
      ? setTimeout(() => {
          timedOut = true
          end('SIGTERM')
          escalation = setTimeout(() => child.kill('SIGKILL'), 2000)
        }, options.timeout)
      : undefined
    const settle = () => {
      clearTimeout(timer)
      clearTimeout(escalation)
    }
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) out.push(chunk)
      else if (size - chunk.length <= limit) {
        out.push(chunk.subarray(0, chunk.length - (size - limit)))
        end('SIGKILL')
      }
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-16_384)
    })
    // The program may end without reading its input; that shows in its exit code.
    child.stdin.on('error', () => child.stdin.destroy())
    child.stdin.end(options.input ?? '')
    child.on('error', (error) => {
      settle()
      reject(cannotStart(file, error))
    })
    child.on('close', (exitCode, signal) => {
      settle()
      const cut = size > limit
      if (cut && !options.cut) reject(tooMuch(file, limit))
      else resolve({ exitCode, signal, stdout: Buffer.concat(out), stderr, timedOut, cut })
    })
  })
}

/** What was killed, and not by us, has said neither yes nor no: throws `program-killed`. */
export function refuseKilled(program: string, { signal, timedOut, cut }: RunResult): void {
  if (signal !== null && !timedOut && !cut) throw killed(program, signal)
}

export function killed(program: string, signal: string | null): Failure {
  return new Failure('program-killed', `${program} was killed by ${signal}, and not by us`, {
    hint: 'Repeat the command. Was memory short? The kernel tells: dmesg | tail',
    retryable: true,
  })
}

const tooMuch = (file: string, limit: number): Failure =>
  new Failure('program-failed', `${file} printed more than ${limit} bytes`, {
    hint: `Is it the ${file} that is meant? See: command -v ${file}`,
  })

function cannotStart(file: string, error: Error): Failure {
  return new Failure('program-failed', `Cannot start ${file}: ${error.message}`, {
    hint: `Is ${file} installed and on PATH?`,
    cause: error,
  })
}

export interface StreamOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** File descriptors for stdin, stdout, stderr and onwards; or 'pipe', 'ignore', 'inherit'. */
  readonly stdio: readonly (number | 'pipe' | 'ignore' | 'inherit')[]
  readonly detached?: boolean
}

/** Starts a program whose output goes straight to descriptors of the caller's. Resolves once it runs. */
export function start(file: string, args: readonly string[], options: StreamOptions): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: [...options.stdio],
      detached: options.detached ?? false,
    })
    child.once('error', (error) => reject(cannotStart(file, error)))
    child.once('spawn', () => resolve(child))
  })
}

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** Resolves when the process itself has ended, whatever still holds its pipes. */
export function ended(child: ChildProcess): Promise<Ended> {
  if (hasEnded(child)) {
    return Promise.resolve({ exitCode: child.exitCode, signal: child.signalCode })
  }
  return new Promise((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })))
}
