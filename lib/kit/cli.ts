/**
 * The command line: options from one table, one envelope for answers and failures, one place where an
 * error becomes an exit code. stdout is the answer, stderr the narration.
 */
import { writeSync } from 'node:fs'
import { type CommandLine, divide, optionsOf, parse, usage, type VerbSpec } from './arguments.ts'
import { diskTrouble } from './disk.ts'
import { errno, exits, Failure, reasonOf } from './errors.ts'
import { bounded, boundedEnd, clean, cut } from './text.ts'

export type { VerbSpec } from './arguments.ts'

export interface Call<S extends VerbSpec> extends CommandLine<S> {
  /**
   * For answers that come piece by piece (`--watch`, `--follow`), with --json each is one line; and where something
   * depends on whether they were read: false when the reader has gone.
   */
  readonly show: (answer: Answer) => boolean
}

export interface Answer {
  readonly data: unknown
  /** For people: already cleaned; bounded here unless `unbounded`. */
  readonly text: readonly string[]
  readonly next?: readonly string[]
  /** An exit of the contract, or a command’s own (`build`). */
  readonly exit?: number
  readonly unbounded?: boolean
  /** When the text is too long its end is kept, not its beginning. */
  readonly newestLast?: boolean
}

/**
 * Parses, runs, prints, and sets the exit code. Never throws.
 * @param run gives the answer, or null when it has shown everything already
 */
export async function main<S extends VerbSpec>(
  spec: S,
  run: (call: Call<S>) => Promise<Answer | null>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const words = divide(spec, argv)
  // Looked for before parsing: a wrong command line is answered in the form that it asked for.
  const json = words.ours.includes('--json')
  try {
    const line = parse(spec, words)
    const answer = line === 'help' ? helpOf(spec) : await run({ ...line, show: (part) => show(part, json) })
    if (answer === null) return
    process.exitCode = answer.exit ?? exits.done
    show(answer, json)
  } catch (error) {
    reportError(error, json, spec.name)
  }
}

export function helpOf(spec: VerbSpec): Answer {
  const rows = Object.entries(optionsOf(spec)).map(([name, option]) => {
    const flag = `--${name}${option.value ? ` ${option.value}` : ''}${option.short ? `, -${option.short}` : ''}`
    const unless = option.default === undefined ? '' : ` (default: ${option.default})`
    const of = option.action === undefined ? '' : `${option.action}: `
    return `  ${flag.padEnd(24)} ${of}${option.help}${unless}`
  })
  const text = [
    `dirigent ${spec.name}: ${spec.summary}`,
    '',
    `usage: dirigent ${spec.name} [options] ${spec.positionals}`.trimEnd(),
    ...(spec.detail ? ['', spec.detail] : []),
    '',
    ...rows,
    '',
    `example: ${spec.example}`,
    'exit codes: 0 done · 1 failed · 2 usage · 3 refused, nothing changed · 4 not found · 7 still pending at the time-out',
  ]
  return { data: { help: text.join('\n') }, text }
}

/** False when nobody reads it. */
function show(answer: Answer, json: boolean): boolean {
  const next = answer.next ?? []
  const { text } = answer
  const lines = answer.unbounded ? text : answer.newestLast ? boundedEnd(text) : bounded(text)
  if (json) return print(asJson({ v: 1, ok: true, data: answer.data, next }))
  return print([...lines, ...next.slice(0, 3).map((command) => `next: ${command}`)].join('\n'))
}

/** A failure in the contract's form; a bug keeps its stack, on stderr. */
function reportError(error: unknown, json: boolean, verb: string): void {
  // Where a full or failing disk shows first is chance; it is no bug of ours anywhere.
  const known = error instanceof Failure ? error : diskTrouble(error)
  process.exitCode = known?.exit ?? exits.failed
  if (!known) narrate(error instanceof Error ? (error.stack ?? error.message) : String(error))
  const what = known?.message ?? `dirigent ${verb} met a bug of its own: ${reasonOf(error)}`
  // It may quote what a worker wrote.
  const message = cut(clean(what), 2000)
  const hint = known?.hint ?? 'Report it with the lines on stderr.'
  const next = known?.next ?? []
  const code = known?.code ?? 'bug'
  const body = { code, message, hint, retryable: known?.retryable ?? false }
  if (json) return void print(asJson({ v: 1, ok: false, error: body, next }))
  // Once is enough.
  const more = next.filter((command) => !hint.endsWith(command)).slice(0, 3)
  narrate([`error: ${code}: ${message}`, hint, ...more.map((command) => `next: ${command}`)].join('\n'))
}

/** Aborted when nobody reads our answer any more (`| head`). */
const readerGone = new AbortController()

function print(text: string): boolean {
  if (text === '' || writeAll(1, `${text}\n`)) return true
  readerGone.abort()
  return false
}

/** A line of narration, on stderr. */
export function narrate(line: string): void {
  writeAll(2, `${line}\n`)
}

/** One line of JSON in which nothing acts on a terminal: JSON itself escapes only the first 32 characters. */
function asJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Writes it all before returning: the process may be ended right after. False when the reader has gone. */
function writeAll(fd: number, text: string): boolean {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if (errno(error) === 'EPIPE') return false
      if (errno(error) !== 'EAGAIN') throw error
      // Somebody made the pipe non-blocking and it is full: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
  return true
}

/** `90`, `90s`, `10m`, `2h` in milliseconds. */
export function milliseconds(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 1000
  const time = Number(match?.[1]) * unit
  // Timers hold 31 bits: 24 days.
  if (time < 2 ** 31) return time
  throw new Failure('usage', `--${option} ${JSON.stringify(text)} is not a time`, {
    hint: 'Write 90s, 10m or 2h.',
  })
}

/** Throws when an option is given beside what makes no sense with it. */
export function apart(
  spec: VerbSpec,
  option: string,
  given: unknown,
  others: Readonly<Record<string, unknown>>,
): void {
  const beside = given ? Object.keys(others).find((name) => others[name]) : undefined
  if (beside) throw usage(spec, `dirigent ${spec.name} takes either ${option} or ${beside}`)
}

export function choice<T extends string>(option: string, value: string, among: readonly T[]): T {
  const found = among.find((word) => word === value)
  if (found) return found
  throw new Failure('usage', `--${option} ${JSON.stringify(value)} is not known`, {
    hint: `One of: ${among.join(', ')}`,
  })
}

export function natural(text: string, option: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text)
  throw new Failure('usage', `--${option} ${JSON.stringify(text)} is not a number`, {
    hint: 'Write a whole number above 0.',
  })
}

/** Aborted by Ctrl-C, by SIGTERM, or when nobody reads on, so that a verb that goes on and on ends cleanly. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return AbortSignal.any([controller.signal, readerGone.signal])
}
