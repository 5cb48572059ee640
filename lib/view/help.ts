/** `dirigent help`: the verbs, from the table that parses them. Pure. */
import { verbs } from './verbs.ts'

export function overview(): string {
  const rows = Object.values(verbs).map((verb) => `  ${verb.name.padEnd(9)} ${verb.summary}`)
  return [
    'dirigent: many coding agents on one repository; a spec goes in, a checked and merged change comes out',
    '',
    ...rows,
    '',
    'Each verb: dirigent VERB --help',
    'First: dirigent init; then: dirigent spawn --spec FILE; then: dirigent wait',
  ].join('\n')
}
