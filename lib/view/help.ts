/** `dirigent help`: the verbs, from the table that parses them. Pure. */
import { choicesOf, optionsOf } from '../kit/arguments.ts'
import { type Answer, helpOf, type VerbSpec } from '../kit/cli.ts'
import { codes, exits, Failure } from '../kit/errors.ts'
import { cut } from '../kit/text.ts'
import { helpVerb } from './inner-verbs.ts'
import { verbs } from './verbs.ts'

/**
 * With --json and without a verb: everything that a program has to know to type a command and read its end.
 * @param verb as somebody typed it; throws `usage` when there is none of that name
 */
export function helpAnswer(verb: string | undefined): Answer {
  const all: readonly VerbSpec[] = [...Object.values(verbs), helpVerb]
  if (verb === undefined) {
    return { data: { verbs: all.map(manifestOf), exits, errors: codes }, text: overview() }
  }
  const known = all.find(({ name }) => name === verb)
  if (known) return helpOf(known)
  throw new Failure('usage', `dirigent has no verb ${JSON.stringify(cut(verb, 40))}`, {
    hint: `The verbs: ${all.map(({ name }) => name).join(', ')}`,
    next: ['dirigent help'],
  })
}

export function versionAnswer(version: string): Answer {
  return { data: { version }, text: [`dirigent ${version}`] }
}

/** What a program has to know to type a verb. */
function manifestOf(verb: VerbSpec) {
  const { name, summary, positionals, min, max, detail = null, example } = verb
  const options = Object.entries(optionsOf(verb)).map(([option, spec]) => ({
    name: option,
    type: spec.type,
    value: spec.value ?? null,
    choices: choicesOf(spec),
    default: spec.default ?? null,
    required: spec.required ?? false,
    short: spec.short ?? null,
    repeated: spec.repeated ?? false,
    action: spec.action ?? null,
    help: spec.help,
  }))
  return {
    name,
    summary,
    positionals,
    min,
    max,
    actions: verb.actions ?? null,
    pass_through: verb.passThrough ?? false,
    options,
    detail,
    example,
  }
}

function overview(): string[] {
  const width = Math.max(...Object.keys(verbs).map((name) => name.length))
  return [
    'dirigent: many coding agents on one repository; a spec goes in, a checked and merged change comes out',
    '',
    ...Object.values(verbs).map((verb) => `  ${verb.name.padEnd(width)} ${verb.summary}`),
    '',
    'Each verb: dirigent VERB --help',
    'First: dirigent init; then: dirigent spawn --spec FILE; then: dirigent wait',
  ]
}
