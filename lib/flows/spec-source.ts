/** Reads the spec that was named on the command line. */
import { parseSpec, type Spec, specLimit } from '../state/spec.ts'
import { readSource } from './source.ts'

const how = '--spec FILE, or --spec - for stdin'

export async function readSpec(source: string): Promise<Spec> {
  const wanted = {
    limit: specLimit,
    bad: 'bad-spec',
    missing: 'spec-not-found',
    hint: `Name the spec: ${how}.`,
    name: 'Name a Markdown file',
    how,
  } as const
  return await readSource(source, wanted, parseSpec)
}
