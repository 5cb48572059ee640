/**
 * The command line: options from one table, one envelope for answers and failures, one place where an
 * error becomes an exit code. stdout is the answer, stderr the narration.
 */
import { writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { exits, Failure } from './errors.ts'
import { bounded } from './text.ts'

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly help: string
  /** Shown as `--name VALUE`. */
  readonly value?: string
  readonly multiple?: boolean
}

export interface VerbSpec {
  readonly name: string
  readonly summary: string
  /** Positional arguments, as shown in the usage line. */
  readonly positionals: string
  readonly min: number
  readonly max: number
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly example: string
  readonly detail?: string
  /** Everything from the first positional on belongs to another command. */
  readonly passThrough?: boolean
}

/** Values by the type that each option was declared with. */
export type Flags<S extends VerbSpec> = {
  readonly [name in keyof S['options']]?: S['options'][name] extends { type: 'boolean' } ? boolean : string
}

export interface Call<S extends VerbSpec = VerbSpec> {
  readonly words: readonly string[]
  readonly flags: Flags<S>
  /** Where to look for the repository: --repo, or the current directory. */
  readonly directory: string
  readonly json: boolean
  /** For answers that come piece by piece (`--watch`, `--follow`). */
  readonly print: (text: string) => void
}

export interface Answer {
  readonly data: unknown
  /** For people: already cleaned; bounded here unless `unbounded`. */
  readonly text: readonly string[]
  readonly next?: readonly string[]
  /** An exit of the contract, or a command’s own (`build`). */
  readonly exit?: number
  readonly unbounded?: boolean
}

const common: Readonly<Record<string, OptionSpec>> = {
  repo: {
    type: 'string',
    value: 'DIR',
    help: 'the repository (default: the one around the current directory)',
  },
  json: { type: 'boolean', help: 'the answer as one JSON object on stdout' },
  help: { type: 'boolean', help: 'this text' },
}

/** Parses, runs, prints, and sets the exit code. Never throws. */
export async function main<S extends VerbSpec>(
  spec: S,
  run: (call: Call<S>) => Promise<Answer>,
  argv = process.argv.slice(2),
): Promise<void> {
  const json = argv.includes('--json') && !(spec.passThrough && argv.indexOf('--json') > firstWord(argv))
  try {
    const call = parse(spec, argv)
    if (call === 'help') return print(help(spec))
    report(await run(call), call.json)
  } catch (error) {
    reportError(error, json, spec.name)
  }
}

export function help(spec: VerbSpec): string {
  const options = { ...spec.options, ...common }
  const rows = Object.entries(options).map(([name, option]) => {
    const flag = `--${name}${option.value ? ` ${option.value}` : ''}`
    return `  ${flag.padEnd(24)} ${option.help}`
  })
  return [
    `dirigent ${spec.name}: ${spec.summary}`,
    '',
    `usage: dirigent ${spec.name} ${spec.positionals}${spec.positionals ? ' ' : ''}[options]`,
    ...(spec.detail ? ['', spec.detail] : []),
    '',
    ...rows,
    '',
    `example: ${spec.example}`,
    'exit codes: 0 done · 1 failed · 2 usage · 3 refused, nothing changed · 4 not found · 7 still pending at the time-out',
  ].join('\n')
}

function parse<S extends VerbSpec>(spec: S, argv: readonly string[]): Call<S> | 'help' {
  const options = { ...spec.options, ...common }
  const split = spec.passThrough ? firstWord(argv) : argv.length
  const ours = argv.slice(0, split)
  const rest = argv.slice(split).filter((word, index) => !(index === 0 && word === '--'))
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({
      args: [...ours],
      options: Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }])),
      allowPositionals: true,
      strict: true,
    }) as typeof parsed
  } catch (error) {
    throw usage(spec, error instanceof Error ? (error.message.split('. ')[0] ?? '') : '')
  }
  const { help, repo, json, ...flags } = parsed.values
  if (help) return 'help'
  const words = [...parsed.positionals, ...rest]
  if (words.length < spec.min) throw usage(spec, `dirigent ${spec.name} needs ${spec.positionals}`)
  if (words.length > spec.max) throw usage(spec, `${JSON.stringify(words[spec.max])} is one word too many`)
  return {
    words,
    flags: flags as Flags<S>,
    directory: typeof repo === 'string' ? repo : process.cwd(),
    json: json === true,
    print,
  }
}

/** Index of the first word that is neither an option nor an option's value; `--` counts as one. */
function firstWord(argv: readonly string[]): number {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--' || !word.startsWith('--')) return index
    if (['--repo', '--timeout'].includes(word)) index += 1
  }
  return argv.length
}

function usage(spec: VerbSpec, message: string): Failure {
  return new Failure('usage', message, {
    hint: `Example: ${spec.example}`,
    next: [`dirigent ${spec.name} --help`],
  })
}

function report(answer: Answer, json: boolean): void {
  process.exitCode = answer.exit ?? exits.done
  const next = answer.next ?? []
  if (json) return print(JSON.stringify({ v: 1, ok: true, data: answer.data, next }))
  const lines = answer.unbounded ? answer.text : bounded(answer.text)
  print([...lines, ...next.slice(0, 3).map((command) => `next: ${command}`)].join('\n'))
}

/** A failure in the contract's form; a bug keeps its stack, on stderr. */
export function reportError(error: unknown, json: boolean, verb: string): void {
  const known = error instanceof Failure ? error : undefined
  process.exitCode = known?.exit ?? exits.failed
  if (!known) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  const message =
    known?.message ??
    `dirigent ${verb} met a bug of its own: ${error instanceof Error ? error.message : String(error)}`
  const hint = known?.hint ?? 'Report it with the lines on stderr.'
  const next = known?.next ?? []
  if (json) {
    const body = { code: known?.code ?? 'bug', message, hint, retryable: known?.retryable ?? false }
    return print(JSON.stringify({ v: 1, ok: false, error: body, next }))
  }
  process.stderr.write(
    `error: ${message}\n${hint ? `${hint}\n` : ''}${next
      .slice(0, 3)
      .map((command) => `next: ${command}\n`)
      .join('')}`,
  )
}

/** Writes it all before returning: the process may be ended right after. */
export function print(text: string): void {
  if (text === '') return
  const bytes = Buffer.from(`${text}\n`)
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done)
    } catch (error) {
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
      // The reader has gone (`| head`): nobody is left to tell.
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
    }
  }
}

/** `90`, `90s`, `10m`, `2h` in milliseconds. */
export function milliseconds(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 1000
  if (match?.[1]) return Number(match[1]) * unit
  throw new Failure('usage', `--${option} ${JSON.stringify(text)} is not a time`, {
    hint: 'Write 90s, 10m or 2h.',
  })
}

/** An option that the verb cannot do without. */
export function required(
  spec: VerbSpec,
  option: string,
  flags: Readonly<Record<string, string | boolean | undefined>>,
): string {
  const value = flags[option]
  if (typeof value === 'string') return value
  throw usage(spec, `dirigent ${spec.name} needs --${option}`)
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

/** A line of narration, on stderr. */
export function narrate(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Aborted by Ctrl-C or SIGTERM, so that a verb that goes on and on ends cleanly. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
