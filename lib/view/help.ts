/** `dirigent help`: the verbs, from the table that parses them. Pure. */
import { type Answer, helpOf } from '../kit/cli.ts'
import { Failure } from '../kit/errors.ts'
import { cut } from '../kit/text.ts'
import { verbs } from './verbs.ts'

/** @param verb as somebody typed it; throws `usage` when there is none of that name */
export function helpAnswer(verb: string | undefined): Answer {
  const all = Object.values(verbs)
  if (verb === undefined) {
    return { data: { verbs: all.map(({ name, summary }) => ({ name, summary })) }, text: overview() }
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

function overview(): string[] {
  return [
    'dirigent: many coding agents on one repository; a spec goes in, a checked and merged change comes out',
    '',
    ...Object.values(verbs).map((verb) => `  ${verb.name.padEnd(9)} ${verb.summary}`),
    '',
    'Each verb: dirigent VERB --help',
    'First: dirigent init; then: dirigent spawn --spec FILE; then: dirigent wait',
  ]
}
