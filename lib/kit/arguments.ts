/**
 * The words of a command line, taken apart by the table that declares a verb's options. What does not fit
 * the table is refused with `usage`; nothing is guessed.
 */
import { parseArgs } from 'node:util'
import { Failure } from './errors.ts'
import { plural } from './text.ts'

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly help: string
  /** Shown as `--name VALUE`. */
  readonly value?: string
  /** One letter, for `-x`. */
  readonly short?: string
  /** May be given several times; the value is a list. */
  readonly repeated?: boolean
  /** The verb cannot do without it. */
  readonly required?: true
  /** Its value when it is not given. */
  readonly default?: string
  /** The one of the verb's actions that takes it. */
  readonly action?: string
}

/** The words of a closed list (`a|b`), of which the value is one; none for any other value. */
export function choicesOf({ value = '' }: OptionSpec): readonly string[] {
  return /^[a-z]+(?:\|[a-z]+)+$/.test(value) ? value.split('|') : []
}

export interface VerbSpec {
  readonly name: string
  readonly summary: string
  /** Positional arguments, as shown in the usage line. */
  readonly positionals: string
  readonly min: number
  readonly max: number
  /** What the first positional can be, and how many more each takes, at least and at most. */
  readonly actions?: Readonly<Record<string, readonly [least: number, most: number]>>
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly example: string
  readonly detail?: string
  /** Everything from the first positional on belongs to another command. */
  readonly passThrough?: boolean
}

/** Values by the type that each option was declared with; there in any case where one was declared to be. */
export type Flags<S extends VerbSpec> = {
  readonly [name in keyof S['options'] as S['options'][name] extends { required: true } | { default: string }
    ? name
    : never]: string
} & {
  readonly [name in keyof S['options']]?: S['options'][name] extends { type: 'boolean' }
    ? boolean
    : S['options'][name] extends { repeated: true }
      ? readonly string[]
      : string
}

const common: Readonly<Record<string, OptionSpec>> = {
  repo: {
    type: 'string',
    value: 'DIR',
    help: 'the repository (default: the one around the current directory)',
  },
  json: { type: 'boolean', help: 'the answer as one JSON object on stdout' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
}

export function optionsOf(spec: VerbSpec): Readonly<Record<string, OptionSpec>> {
  return { ...spec.options, ...common }
}

export interface Words {
  /** Our options, and positional arguments among them. */
  readonly ours: readonly string[]
  /** What nobody parses: everything after `--`, or the command of a verb that passes one on. */
  readonly theirs: readonly string[]
}

/** A passed-on command begins at the first word that is neither an option of ours nor an option's value. */
export function divide(spec: VerbSpec, argv: readonly string[]): Words {
  const options = optionsOf(spec)
  let end = 0
  for (; end < argv.length; end++) {
    const word = argv[end] ?? ''
    if (word === '--') return { ours: argv.slice(0, end), theirs: argv.slice(end + 1) }
    if (spec.passThrough && !/^-./.test(word)) break
    if (word.startsWith('--') && options[word.slice(2)]?.type === 'string') end += 1
  }
  return { ours: argv.slice(0, end), theirs: argv.slice(end) }
}

export interface CommandLine<S extends VerbSpec> {
  readonly words: readonly string[]
  readonly flags: Flags<S>
  /** Where to look for the repository: --repo, or the current directory. */
  readonly directory: string
  readonly json: boolean
}

export function parse<S extends VerbSpec>(spec: S, { ours, theirs }: Words): CommandLine<S> | 'help' {
  const { values, positionals } = parseOptions(spec, ours)
  const { help, repo, json, ...flags } = values
  if (help) return 'help'
  for (const [name, option] of Object.entries(spec.options))
    if (option.required && flags[name] === undefined)
      throw usage(spec, `dirigent ${spec.name} needs --${name}`)
  const words = [...positionals, ...theirs]
  if (words.length < spec.min) throw usage(spec, `dirigent ${spec.name} needs ${spec.positionals}`)
  if (words.length > spec.max) throw usage(spec, `${JSON.stringify(words[spec.max])} is one word too many`)
  if (spec.actions) checkAction(spec, spec.actions, words, Object.keys(flags))
  return {
    words,
    flags: flags as Flags<S>,
    directory: typeof repo === 'string' ? repo : process.cwd(),
    json: json === true,
  }
}

function checkAction(
  spec: VerbSpec,
  actions: NonNullable<VerbSpec['actions']>,
  words: readonly string[],
  given: readonly string[],
): void {
  const [action = '', ...more] = words
  const counts = Object.hasOwn(actions, action) ? actions[action] : undefined
  if (!counts)
    throw usage(
      spec,
      `dirigent ${spec.name} has no ${JSON.stringify(action.slice(0, 40))}: ${Object.keys(actions).join(', ')}`,
    )
  const [least, most] = counts
  if (more.length < least || more.length > most)
    throw usage(
      spec,
      `dirigent ${spec.name} ${action} takes ${least === most ? plural(least, 'more word') : `${least} to ${most} more words`}, not ${more.length}`,
    )
  for (const name of given) {
    const { action: takes = action } = spec.options[name] ?? {}
    if (takes !== action) throw usage(spec, `--${name} is for dirigent ${spec.name} ${takes}`)
  }
}

function parseOptions(
  spec: VerbSpec,
  args: readonly string[],
): { values: Record<string, string | boolean | readonly string[]>; positionals: string[] } {
  const options = Object.entries(optionsOf(spec)).map(([name, { type, short }]) => [
    name,
    short ? { type, short, multiple: true } : { type, multiple: true },
  ])
  let parsed: { values: Record<string, (string | boolean)[]>; positionals: string[] }
  try {
    parsed = parseArgs({
      args: [...args],
      options: Object.fromEntries(options),
      allowPositionals: true,
      strict: true,
    }) as unknown as typeof parsed
  } catch (error) {
    throw usage(spec, error instanceof Error ? (error.message.split(/\.\s/)[0] ?? '') : '')
  }
  const values: Record<string, string | boolean | readonly string[]> = {}
  for (const [name, given] of Object.entries(parsed.values)) {
    if (optionsOf(spec)[name]?.repeated) {
      values[name] = given.map(String)
      continue
    }
    // Which of the two was meant cannot be known.
    if (given.length > 1) throw usage(spec, `--${name} is given ${given.length} times`)
    if (given[0] !== undefined) values[name] = given[0]
  }
  for (const [name, option] of Object.entries(optionsOf(spec)))
    if (option.default !== undefined) values[name] ??= option.default
  return { values, positionals: parsed.positionals }
}

export function usage(spec: VerbSpec, message: string): Failure {
  return new Failure('usage', message, {
    hint: `Example: ${spec.example}`,
    next: [`dirigent ${spec.name} --help`],
  })
}
